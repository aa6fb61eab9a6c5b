//! Whole uploads by clients that repeat, skip, lose replies and do other things in between, on
//! chips of all shapes. A failing case prints the seed that replays it.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;
use smpkit_sim::{image::build_sized, Random};

struct Client<'a> {
    random: Random,
    image: &'a [u8],
    sha: bool,
    /// Bytes of `data` in a first chunk.
    first: usize,
    label: String,
}

impl Client<'_> {
    fn first_chunk(&mut self) -> Vec<u8> {
        let mut fields = first_fields(self.image, self.first);
        if !self.sha {
            fields.retain(|(key, _)| *key != "sha");
        }
        upload(&fields)
    }

    fn chunk(&mut self, at: usize) -> Vec<u8> {
        let n = 1 + self
            .random
            .below(*self.random.clone().pick(&[1, 40, 500, 4096])) as usize;
        let mut fields = chunk_fields(self.image, at, n.min(self.image.len() - at));
        if self.random.one_in(3) {
            fields.reverse();
        }
        upload(&fields)
    }

    /// Something that must not disturb the upload.
    fn other(&mut self, watch: &mut Watch) {
        let request = match self.random.below(6) {
            0 => packet(READ2, 1, 0, &[0xA0]),
            1 => packet(READ1, 0, 6, &[]),
            2 => packet(
                WRITE2,
                0,
                0,
                &map(&vec![("d", Value::Text("hi".into()))], false),
            ),
            3 => packet(
                WRITE2,
                1,
                0,
                &map(&vec![("confirm", Value::Bool(true))], true),
            ),
            4 => packet(WRITE2, 1, 5, &map(&vec![("slot", Value::Uint(0))], true)),
            _ => packet(WRITE2, 9, 9, &[0xA0]),
        };
        let link = 1 + self.random.below(3) as u8;
        let replies = watch.feed(link, &request);
        assert_eq!(replies.len(), 1, "{}", self.label);
        assert_well_formed(&request, &replies[0].1);
    }

    /// Returns how many requests it took.
    fn run(&mut self, watch: &mut Watch) -> usize {
        let len = self.image.len();
        let mut at = 0;
        for count in 0..200_000 {
            let request = match self.random.below(12) {
                _ if at == 0 => self.first_chunk(),
                0 if self.sha => self.first_chunk(),
                1 => {
                    let wrong = 1 + self.random.below(len as u32 - 1) as usize;
                    self.chunk(wrong)
                }
                _ => self.chunk(at),
            };
            let reply = ask(watch, &request);
            let Some(off) = reply.off else {
                panic!("{}: at {at}: {reply:?}", self.label);
            };
            if reply.matched.is_some() {
                assert_eq!(reply, done(len as u32), "{}", self.label);
                return count;
            }
            assert!((off as usize) < len, "{}: {off} without match", self.label);
            match self.random.below(9) {
                // The reply was lost: the client asks again for what it asked before.
                0 => continue,
                1 => self.other(watch),
                2 | 3 => watch.settle(),
                _ => {}
            }
            at = off as usize;
        }
        panic!("{}: the upload does not end", self.label);
    }
}

#[test]
fn any_client_on_any_chip_ends_with_the_identical_slot() {
    for sector in [512, 1024, 4096, 65536] {
        for unit in [1, 4, 8, 16, 32] {
            for number in 0..6 {
                let seed = u64::from(sector * 1000 + unit * 10 + number);
                let mut random = Random::new(seed);
                let mut watch = shaped(sector, unit);
                let limit = watch.slots.limit;
                let residue = random.below(3);
                let slots = watch.slots;
                if residue != 0 {
                    // What was there before is longer, shorter, or garbage.
                    let cells = watch.world.board.bytes_mut(&slots.secondary);
                    let used = random.below(cells.len() as u32) as usize;
                    random.fill(&mut cells[..used]);
                }
                let len = match number {
                    0 => limit,
                    1 => 80 + random.below(200),
                    _ => 300 + random.below(limit - 300),
                } as usize;
                let image = build_sized(version(4, number as u8, 0, 0), seed, len);
                let first = (32 + random.below(500) as usize).min(len);
                let mut client = Client {
                    sha: random.one_in(2),
                    first,
                    label: format!("sector {sector}, unit {unit}, seed {seed}, length {len}"),
                    image: &image,
                    random,
                };
                let primary = watch.primary().to_vec();
                client.run(&mut watch);
                assert_slot_holds(&watch, &image);
                assert_rules_kept(&watch);
                assert!(
                    watch.primary() == primary,
                    "{}: primary written",
                    client.label
                );
            }
        }
    }
}

#[test]
fn several_uploads_one_after_the_other_leave_the_last() {
    for seed in 0..20 {
        let mut watch = shaped(4096, 4);
        for round in 0..4 {
            let mut random = Random::new(seed * 10 + round);
            let len = 300 + random.below(60_000) as usize;
            let image = build_sized(version(5, round as u8, 0, 0), seed, len);
            let mut client = Client {
                sha: true,
                first: 100,
                label: format!("seed {seed}, round {round}"),
                image: &image,
                random,
            };
            client.run(&mut watch);
            assert_slot_holds(&watch, &image);
            assert_rules_kept(&watch);
        }
    }
}

#[test]
fn file_that_differs_from_its_sha_or_its_own_hash_is_never_a_success() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut watch = shaped(4096, 1);
        let good = build_sized(
            version(6, 0, 0, 0),
            seed,
            300 + random.below(40_000) as usize,
        );
        let mut bad = good.clone();
        let at = 40 + random.below(good.len() as u32 - 40) as usize;
        bad[at] ^= 1 << random.below(8);
        // Right name with wrong bytes, wrong bytes under their own name, or no name.
        let sha = match seed % 3 {
            0 => Some(sha256(&good)),
            1 => Some(sha256(&bad)),
            _ => None,
        };
        let mut fields = first_fields(&bad, 40);
        fields.retain(|(key, _)| *key != "sha");
        if let Some(sha) = sha {
            fields.push(("sha", Value::Bytes(sha.to_vec())));
        }
        let mut last = ask(&mut watch, &upload(&fields));
        while let Some(off) = last.off {
            assert_eq!(last.matched, None, "seed {seed}");
            last = ask(&mut watch, &upload(&chunk_fields(&bad, off as usize, 2000)));
        }
        assert_eq!(last, err(1, 24), "seed {seed}, byte {at} of {}", bad.len());
        // It cannot be scheduled, and a good one is accepted at once.
        let hash = image_hash(&bad);
        let write = answer(&state_write(&mut watch, Some(&hash), false));
        assert_eq!(write, err(1, 8), "seed {seed}");
        assert_eq!(upload_all(&mut watch, &good, 3000).matched, Some(true));
        assert_slot_holds(&watch, &good);
        assert_rules_kept(&watch);
    }
}

/// As newtmgr does it: five requests are out before the first reply is read.
#[test]
fn window_of_five_requests_is_answered_in_order() {
    for (seed, n) in [(1, 100), (2, 244), (3, 512), (4, 1500)] {
        let image = build_sized(version(4, 0, 0, 0), seed, 60_000);
        let mut watch = Watch::running();
        let mut at = ask(&mut watch, &upload(&first_fields(&image, 200)))
            .off
            .unwrap() as usize;
        for _ in 0..5000 {
            let burst: Vec<Vec<u8>> = (0..5)
                .map(|number| at + number * n)
                .filter(|at| *at < image.len())
                .map(|at| upload(&chunk_fields(&image, at, n)))
                .collect();
            let replies = watch.feed(1, &burst.concat());
            assert_eq!(replies.len(), burst.len(), "chunks of {n}");
            let offsets: Vec<u32> = replies
                .iter()
                .filter_map(|reply| answer(&reply.1).off)
                .collect();
            // Behind the end of the upload the device knows of no session.
            let end = offsets.iter().position(|off| *off == 60_000);
            let counted = &offsets[..end.unwrap_or(offsets.len())];
            assert!(counted.is_sorted(), "chunks of {n}: {offsets:?}");
            if end.is_some() {
                break;
            }
            at = *offsets.last().unwrap() as usize;
        }
        assert_slot_holds(&watch, &image);
        assert_rules_kept(&watch);
    }
}
