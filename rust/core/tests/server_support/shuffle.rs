//! The same request written in other ways, and delivered in other pieces.

use super::client::{encode, Fields, Value};
use super::Watch;
use smpkit_sim::Random;

/// A value with its argument in `bytes` (1, 2, 4 or 8) bytes, if it has one.
fn stretched(value: &Value, bytes: u32) -> Vec<u8> {
    let (major, argument, rest) = match value {
        Value::Uint(number) => (0, *number, Vec::new()),
        Value::Bytes(bytes) => (0x40, bytes.len() as u64, bytes.clone()),
        Value::Text(text) => (0x60, text.len() as u64, text.clone().into_bytes()),
        other => return encode(other),
    };
    if bytes < 8 && argument >> (8 * bytes) != 0 {
        return encode(value);
    }
    let mut out = vec![major | (24 + bytes.trailing_zeros() as u8)];
    out.extend(&argument.to_be_bytes()[8 - bytes as usize..]);
    out.extend(rest);
    out
}

/// Any valid CBOR value that no command asks for, up to four levels deep.
fn noise(random: &mut Random, depth: u32) -> Vec<u8> {
    let inner = |random: &mut Random, n: u32| -> Vec<u8> {
        (0..n).flat_map(|_| noise(random, depth + 1)).collect()
    };
    let kinds = if depth < 4 { 13 } else { 7 };
    let n = random.below(4);
    match random.below(kinds) {
        0 => encode(&Value::Uint(
            u64::from(random.next_u32()) << random.below(33),
        )),
        1 => vec![0x38, 9],
        2 => encode(&Value::Bytes(vec![0xFF; n as usize])),
        3 => encode(&Value::Text("off".into())),
        4 => vec![0xF9, 0x3C, 0],
        5 => vec![0xFB, 1, 2, 3, 4, 5, 6, 7, 8],
        6 => encode(random.pick(&[Value::Null, Value::Bool(true)])),
        7 => [vec![0x80 | n as u8], inner(random, n)].concat(),
        8 => [vec![0xA0 | n as u8], inner(random, 2 * n)].concat(),
        9 => [vec![0x9F], inner(random, n), vec![0xFF]].concat(),
        10 => [vec![0xBF], inner(random, 2 * n), vec![0xFF]].concat(),
        11 => [vec![0xC1], inner(random, 1)].concat(),
        _ => vec![0x5F, 0x42, 1, 2, 0x40, 0xFF],
    }
}

/// A map of these fields: any order, definite or not, any integer width, with unknown keys.
pub fn shuffled(random: &mut Random, fields: &Fields) -> Vec<u8> {
    let mut pairs: Vec<Vec<u8>> = Vec::new();
    for (key, value) in fields {
        let width = 1 << random.below(4);
        let value = if random.one_in(3) {
            stretched(value, width)
        } else {
            encode(value)
        };
        let key = Value::Text((*key).into());
        let key = if random.one_in(8) {
            stretched(&key, width)
        } else {
            encode(&key)
        };
        pairs.push([key, value].concat());
    }
    for _ in 0..random.below(4) {
        let key = *random.pick(&["", "of", "offs", "x", "imag", "unknown-key-of-some-length"]);
        pairs.push([encode(&Value::Text(key.into())), noise(random, 0)].concat());
    }
    for at in (1..pairs.len()).rev() {
        pairs.swap(at, random.below(at as u32 + 1) as usize);
    }
    let body = pairs.concat();
    if random.one_in(2) {
        return [vec![0xBF], body, vec![0xFF]].concat();
    }
    [vec![0xA0 | pairs.len() as u8], body].concat()
}

/// Deliver bytes in random pieces, with steps of the server in between.
pub fn feed_in_pieces(
    watch: &mut Watch,
    random: &mut Random,
    bytes: &[u8],
    most: u32,
) -> Vec<Vec<u8>> {
    let mut replies = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let n = rest.len().min(1 + random.below(most) as usize);
        let (piece, behind) = rest.split_at(n);
        rest = behind;
        replies.extend(watch.feed(1, piece).into_iter().map(|(_, reply)| reply));
        for _ in 0..random.below(3) {
            watch.idle_step();
        }
        watch.now += random.below(50);
    }
    replies
}
