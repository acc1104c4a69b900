{# The pattern matches exactly the texts that the accident can produce. UTF-8 bytes were read as Latin-1 and written as
   UTF-8, twice over, so each byte of a character's UTF-8 form is itself two bytes now: C3 82..B4 for a leading byte,
   C2 80..BF for each byte that follows it. Any other text stays as it is. #}
{% macro repair_text(text) -%}
    {%- set doubled = '(?:'
        ~ '\\\\xC3[\\\\x82-\\\\x9F]\\\\xC2[\\\\x80-\\\\xBF]'
        ~ '|\\\\xC3[\\\\xA0-\\\\xAF](?:\\\\xC2[\\\\x80-\\\\xBF]){2}'
        ~ '|\\\\xC3[\\\\xB0-\\\\xB4](?:\\\\xC2[\\\\x80-\\\\xBF]){3}'
        ~ ')' -%}
    case
        when {{ text }} rlike '^(?:[\\x00-\\x7F]*+{{ doubled }})++[\\x00-\\x7F]*+$'
            then decode(encode(decode(encode({{ text }}, 'ISO-8859-1'), 'UTF-8'), 'ISO-8859-1'), 'UTF-8')
        else {{ text }}
    end
{%- endmacro %}
