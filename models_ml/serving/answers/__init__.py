"""What pages and API answer with: functions from one publication to plain rows, without a word of HTTP."""
