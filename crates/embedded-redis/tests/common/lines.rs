//! Random command lines that mostly make sense.
#![allow(dead_code, reason = "each test uses its part")]

use proptest::prelude::*;

/// Commands of every family whose replies depend on nothing but the commands before them.
/// `K` is a key, `V` a value or member, `N` a number, `F` a score, `T` a time that does not come
/// while a test runs, `I` a stream id; `[V` and `(V` are ends of a range of members.
#[rustfmt::skip]
const TEMPLATES: &[&str] = &[
    "SET K V", "SET K V EX T", "SET K V PXAT T", "SET K V KEEPTTL", "SET K V NX GET",
    "SET K V XX GET", "SETNX K V", "MSET K V K V", "MSETNX K V K V", "GET K", "MGET K K",
    "APPEND K V", "STRLEN K", "INCR K", "DECR K", "INCRBY K N", "DECRBY K N", "DEL K",
    "UNLINK K K", "EXISTS K K", "TYPE K", "RENAME K K", "EXPIRE K T", "EXPIRE K T NX",
    "PEXPIREAT K T LT", "EXPIREAT K T GT", "PERSIST K", "LPUSH K V V", "RPUSH K V",
    "LPOP K", "LPOP K N", "RPOP K N", "LREM K N V", "LTRIM K N N", "LRANGE K N N", "LINDEX K N",
    "LLEN K", "HSET K V V", "HDEL K V", "HGET K V", "HGETALL K", "HLEN K", "SADD K V V",
    "SREM K V", "SMEMBERS K", "SISMEMBER K V", "SCARD K", "ZADD K F V F V", "ZADD K INCR F V",
    "ZADD K GT CH F V", "ZADD K NX F V", "ZADD K XX LT F V", "ZREM K V", "ZCARD K", "ZSCORE K V",
    "ZRANGE K N N WITHSCORES", "ZRANGE K N N REV", "ZRANGE K F (F BYSCORE LIMIT N N",
    "ZRANGE K (F F BYSCORE REV WITHSCORES", "ZRANGEBYSCORE K F F", "XADD K I V V",
    "XADD K MAXLEN N I V V", "XADD K NOMKSTREAM I V V", "XTRIM K MAXLEN N", "XTRIM K MINID I",
    "XDEL K I", "XLEN K", "XRANGE K I I COUNT N", "XREVRANGE K + (I", "XSETID K I", "MULTI",
    "EXEC", "EXEC", "DISCARD", "FLUSHALL", "SET K", "XADD K V V V V", "ZADD K V V",
];

/// Commands with a reply of their own: the clock decides, or Redis leaves it open.
#[rustfmt::skip]
const OURS: &[&str] = &[
    "SET K V PX N", "PEXPIRE K N", "EXPIRE K N", "TTL K", "DBSIZE", "SCAN 0 COUNT N", "KEYS *",
    "XADD K * V V", "XADD K MAXLEN ~ N * V V", "XADD K MINID I * V V", "XADD K N-* V V",
    "ZRANGE K [V (V BYLEX", "ZRANGEBYLEX K [V + LIMIT N N",
];

/// Lines that a real Redis answers with the same bytes.
pub(crate) fn comparable_line() -> impl Strategy<Value = String> {
    filled(TEMPLATES.to_vec())
}

/// Any line.
pub(crate) fn any_line() -> impl Strategy<Value = String> {
    filled([TEMPLATES, OURS].concat())
}

fn filled(templates: Vec<&'static str>) -> impl Strategy<Value = String> {
    let choices = prop::collection::vec(any::<prop::sample::Index>(), 12);
    (prop::sample::select(templates), choices).prop_map(|(template, choices)| {
        let words = template
            .split(' ')
            .zip(choices)
            .map(|(word, choice)| match meanings(word) {
                [] => word,
                meanings => choice.get(meanings),
            });
        words.collect::<Vec<_>>().join(" ")
    })
}

fn meanings(word: &str) -> &'static [&'static str] {
    match word {
        "K" => &["a", "b", "c", "d"],
        "V" => &["x", "y", "1", "-7", "longer"],
        "N" => &["0", "1", "-1", "2", "-2", "3", "100", "9223372036854775807"],
        "F" => &["0", "1", "-2", "2.5", "3", "100", "inf", "-inf"],
        "(F" => &["(0", "(1", "(2.5", "(inf"],
        "T" => &[
            "100000",
            "-1",
            "0",
            "99",
            "4102444800",
            "4102444800000",
            "9223372036854775807",
        ],
        "I" => &[
            "1-1",
            "5",
            "5-3",
            "7-1",
            "12-4",
            "18446744073709551615-18446744073709551615",
        ],
        "(I" => &["(1-1", "(5", "-", "0"],
        "[V" => &["[x", "[1", "-"],
        "(V" => &["(y", "(longer", "+"],
        "N-*" => &["0-*", "5-*"],
        _ => &[],
    }
}
