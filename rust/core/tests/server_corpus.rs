//! A million damaged requests (I10): each gets a reply any client can read, or silence; the running
//! image is never written (I1), and the server works as before afterwards.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;
use smpkit_sim::Random;

const REQUESTS: u32 = 1_000_000;
/// Steps and calls of one request. A chunk of 4 KB is 16 pages, the last one reads the slot back.
const MOST_STEPS: u32 = 400;

struct Corpus {
    random: Random,
    image: Vec<u8>,
    hash: [u8; 32],
    expected: u32,
}

impl Corpus {
    fn fields(&mut self) -> (u8, u16, u8, Fields) {
        let random = &mut self.random;
        let text = |text: &str| Value::Text(text.into());
        let flag = Value::Bool(random.one_in(2));
        let number = Value::Uint(u64::from(random.next_u32()) >> random.below(32));
        match random.below(16) {
            0 => (WRITE2, 0, 0, vec![("d", text("hello, watch"))]),
            1 => (READ2, 0, 7, vec![("format", text("snrvbmpio"))]),
            2 => (READ2, 0, 8, vec![("query", text("mode"))]),
            3 => (
                WRITE2,
                0,
                4,
                vec![("datetime", text("2026-11-21T08:51:07.5+0100"))],
            ),
            4 => (WRITE2, 0, 5, vec![("force", flag), ("boot_mode", number)]),
            5 => (READ2, 0, random.below(10) as u8, vec![]),
            6 => (READ2, 1, random.below(8) as u8, vec![("off", number)]),
            7 => (
                WRITE2,
                1,
                0,
                vec![("hash", Value::Bytes(self.hash.into())), ("confirm", flag)],
            ),
            8 => (WRITE2, 1, 0, vec![("hash", Value::Null), ("confirm", flag)]),
            9 => (
                WRITE2,
                1,
                5,
                vec![("slot", Value::Uint(u64::from(random.below(3))))],
            ),
            10 | 11 => {
                let n = 32 + random.below(100) as usize;
                (WRITE2, 1, 1, first_fields(&self.image, n))
            }
            _ => {
                let at = (self.expected as usize).min(self.image.len() - 1);
                let n = random.below(200) as usize;
                let mut fields = chunk_fields(&self.image, at, n);
                if random.one_in(2) {
                    fields.reverse();
                }
                (WRITE2, 1, 1, fields)
            }
        }
    }

    fn wrong_value(&mut self) -> Value {
        let random = &mut self.random;
        let n = random.below(300) as usize;
        match random.below(9) {
            0 => Value::Uint(u64::MAX - u64::from(random.below(3))),
            1 => Value::Uint(1 << random.below(64)),
            2 => Value::Bytes(vec![0xA0; n]),
            3 => Value::Text("x".repeat(n)),
            4 => Value::Raw([vec![0x81; n], vec![0]].concat()),
            5 => Value::Raw([vec![0x9F; n], vec![0xFF; n]].concat()),
            6 => Value::Raw(vec![0x5F, 0x41, 0, 0xFF]),
            7 => Value::Raw(vec![
                *random
                    .pick(&[0x5B, 0x7B, 0x9B, 0xBB, 0xDB, 0x1B, 0x1C]);
                9
            ]),
            _ => Value::Raw(vec![0xFB, 0x7F, 0xF8, 0, 0, 0, 0, 0, 0]),
        }
    }

    /// One damaged request; sometimes with a header that lies about it.
    fn request(&mut self) -> Vec<u8> {
        let (first, group, command, mut fields) = self.fields();
        let count = fields.len() as u32;
        if count != 0 && self.random.one_in(3) {
            let at = self.random.below(count) as usize;
            fields[at].1 = self.wrong_value();
        }
        if count != 0 && self.random.one_in(10) {
            let again = fields[self.random.below(count) as usize].clone();
            fields.push(again);
        }
        let mut payload = map(&fields, self.random.one_in(4));
        if self.random.one_in(20) {
            payload = vec![0; self.random.below(600) as usize];
            self.random.fill(&mut payload);
        }
        let random = &mut self.random;
        if random.one_in(4) {
            payload.truncate(random.below(payload.len() as u32 + 1) as usize);
        }
        let first = if random.one_in(4) { first & 7 } else { first };
        let mut request = packet(first, group, command, &payload);
        for _ in 0..random.below(3) {
            // Mostly in the payload: a damaged header is soon refused.
            let from = if random.one_in(4) {
                0
            } else {
                8.min(request.len() as u32 - 1)
            };
            let at = from + random.below(request.len() as u32 - from);
            request[at as usize] ^= 1 << random.below(8);
        }
        request
    }
}

/// Deliver one packet as a transport would: in pieces, and then it ends.
fn deliver(watch: &mut Watch, request: &[u8], random: &mut Random) -> Vec<Vec<u8>> {
    let mut replies = Vec::new();
    let mut rest = request;
    for steps in 0.. {
        assert!(steps < MOST_STEPS, "unbounded work: {request:02x?}");
        if let Some((_, reply)) = watch.server.reply() {
            replies.push(reply.to_vec());
            watch.server.sent(watch.now);
        } else if watch.server.is_working() {
            watch.server.step(watch.now, &mut watch.world);
        } else if !rest.is_empty() {
            let n = rest.len().min(1 + random.below(300) as usize);
            let used = watch
                .server
                .input(1, &rest[..n], false, watch.now, &mut watch.world);
            rest = &rest[used..];
        } else if watch.server.is_receiving() {
            watch.server.end_of_datagram();
        } else {
            break;
        }
    }
    replies
}

/// The header of each packet that `request` is taken for.
fn packets(request: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = request;
    while rest.len() >= 8 {
        found.push(rest);
        let len = 8 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        rest = rest.get(len..).unwrap_or_default();
    }
    found
}

fn works_as_before(watch: &mut Watch, image: &[u8], count: u32) {
    let echo = packet(
        WRITE2,
        0,
        0,
        &map(&vec![("d", Value::Text("ok".into()))], false),
    );
    let reply = watch.request(&echo).expect("an echo");
    assert!(holds(&reply, "ok"), "request {count}");
    let confirm = state_write(watch, None, true);
    let last = upload_all(watch, image, 900);
    assert_eq!(
        last.matched,
        Some(true),
        "request {count}: {last:?}, {confirm:02x?}"
    );
    assert_slot_holds(watch, image);
}

#[test]
fn a_million_damaged_requests_are_answered_or_ignored() {
    let mut watch = shaped(4096, 1);
    let image = smpkit_sim::image::build_sized(version(2, 0, 0, 0), 5, 6000);
    let other = smpkit_sim::image::build_sized(version(3, 0, 0, 0), 6, 5000);
    let primary = watch.primary().to_vec();
    let mut random = Random::new(99);
    let mut corpus = Corpus {
        random: Random::new(2026),
        hash: image_hash(&image),
        image,
        expected: 0,
    };
    let (mut silent, mut good, mut bad) = (0, 0, 0);
    for count in 0..REQUESTS {
        let request = corpus.request();
        let replies = deliver(&mut watch, &request, &mut random);
        let packets = packets(&request);
        assert_eq!(
            replies.len(),
            packets.len(),
            "request {count}: {request:02x?}"
        );
        silent += u32::from(replies.is_empty());
        for (packet, reply) in packets.iter().zip(&replies) {
            assert_well_formed(packet, reply);
            let failed = holds(reply, "rc") || holds(reply, "err");
            (good, bad) = (good + u32::from(!failed), bad + u32::from(failed));
        }
        corpus.expected = watch.server.progress().0;
        if count % 50 == 0 {
            watch.settle();
            watch.wait(300);
        }
        if count % 20_000 == 0 {
            works_as_before(&mut watch, &other, count);
            assert!(
                watch.primary() == primary,
                "request {count}: primary written"
            );
        }
    }
    works_as_before(&mut watch, &other, REQUESTS);
    assert!(watch.primary() == primary);
    assert_rules_kept(&watch);
    println!("{good} good replies, {bad} errors, {silent} silent");
    assert!(
        good > REQUESTS / 10 && bad > REQUESTS / 10,
        "{good} good, {bad} bad"
    );
}

#[test]
fn garbage_of_any_length_is_bounded_work() {
    let mut random = Random::new(7);
    let mut watch = shaped(4096, 1);
    let primary = watch.primary().to_vec();
    for _ in 0..20_000 {
        let mut bytes = vec![0; random.below(64) as usize];
        random.fill(&mut bytes);
        deliver(&mut watch, &bytes, &mut random.clone());
    }
    assert!(watch.primary() == primary);
    let image = smpkit_sim::image::build_sized(version(3, 0, 0, 0), 6, 5000);
    works_as_before(&mut watch, &image, 0);
}
