select
    user_id,
    level,
    started_at,
    ended_at
from intermediate.int_subscription_spells
