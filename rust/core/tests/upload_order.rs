//! `data` in front of `off`: written before it is known whether it belongs there.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;
use smpkit_sim::Random;

/// A chunk whose data comes before everything else.
fn data_first(image: &[u8], at: usize, n: usize) -> Vec<u8> {
    let mut fields = chunk_fields(image, at, n);
    fields.reverse();
    upload(&fields)
}

fn sector_of(watch: &Watch) -> u32 {
    let geometry = watch.slots.secondary.geometry(&watch.world.board).unwrap();
    geometry.sector()
}

#[test]
fn chunks_in_order_give_the_same_flash_and_replies_in_either_field_order() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let sector = *random.pick(&[512, 1024, 4096]);
        let image = new_image(2000 + random.below(40_000) as usize);
        let mut one = shaped(sector, 1);
        let mut two = shaped(sector, 1);
        let mut last = ask(&mut one, &upload(&first_fields(&image, 200)));
        assert_eq!(ask(&mut two, &upload(&first_fields(&image, 200))), last);
        while last.off != Some(image.len() as u32) {
            let at = last.off.expect("an offset") as usize;
            let n = 1 + random.below(4096) as usize;
            last = ask(&mut one, &upload(&chunk_fields(&image, at, n)));
            let other = ask(&mut two, &data_first(&image, at, n));
            assert_eq!(other, last, "seed {seed} at {at} + {n}");
            assert!(
                last.off > Some(at as u32),
                "seed {seed}: no progress at {at}"
            );
        }
        assert_eq!(last.matched, Some(true));
        assert!(one.secondary() == two.secondary(), "seed {seed}");
        assert_slot_holds(&two, &image);
        assert_rules_kept(&two);
    }
}

#[test]
fn mismatch_with_data_first_costs_at_most_a_sector() {
    for seed in 0..80 {
        let mut random = Random::new(seed);
        let mut watch = shaped(*random.pick(&[512, 1024, 4096]), *random.pick(&[1, 4, 8]));
        let sector = sector_of(&watch);
        let image = new_image(2000 + random.below(60_000) as usize);
        let len = image.len() as u32;
        let n = 32 + random.below(300) as usize;
        let mut at = ask(&mut watch, &upload(&first_fields(&image, n)))
            .off
            .unwrap();
        let mut rounds = 0;
        while at < len {
            let size = 1 + random.below(4096) as usize;
            if random.one_in(4) {
                let wrong = 1 + random.below(len - 1);
                if wrong != at {
                    let reply = ask(&mut watch, &data_first(&image, wrong as usize, size));
                    let told = reply.off.expect("a mismatch is a success");
                    assert!(
                        told <= at && told + sector > at,
                        "seed {seed}: {at} to {told}"
                    );
                    at = told;
                }
            }
            if at == 0 {
                // The client begins again, with everything the first chunk has.
                at = ask(&mut watch, &upload(&first_fields(&image, n)))
                    .off
                    .unwrap();
            }
            let reply = ask(&mut watch, &data_first(&image, at as usize, size));
            at = reply
                .off
                .unwrap_or_else(|| panic!("seed {seed}: {reply:?}"));
            rounds += 1;
            assert!(rounds < 5000, "seed {seed}: stuck at {at} of {len}");
        }
        assert_slot_holds(&watch, &image);
        assert_rules_kept(&watch);
    }
}

#[test]
fn request_cut_off_in_the_first_sector_does_not_end_the_upload() {
    let mut watch = Watch::running();
    let image = new_image(20_000);
    let first = upload(&first_fields(&image, 200));
    assert_eq!(ask(&mut watch, &first), off(200));
    // The client disappears in the middle of a chunk.
    let chunk = upload(&chunk_fields(&image, 200, 2000));
    assert!(watch.feed(1, &chunk[..1500]).is_empty());
    watch.server.closed(1, watch.now);
    watch.settle();
    // It comes back with the same file: progress must be possible.
    let mut at = ask(&mut watch, &first).off.unwrap() as usize;
    for _ in 0..100 {
        if at == image.len() {
            break;
        }
        let next = if at == 0 {
            first.clone()
        } else {
            upload(&chunk_fields(&image, at, 900))
        };
        at = ask(&mut watch, &next).off.unwrap() as usize;
    }
    assert_eq!(at, image.len());
    assert_slot_holds(&watch, &image);
}

#[test]
fn first_chunk_with_data_in_front_restarts_a_session_cleanly() {
    for at in [200, 3000, 4096, 4097, 9000] {
        let mut watch = Watch::running();
        let old = new_image(20_000);
        ask(&mut watch, &upload(&first_fields(&old, 200)));
        let mut kept = 200;
        while kept < at {
            let n = 1000.min(at - kept);
            kept = ask(&mut watch, &upload(&chunk_fields(&old, kept, n)))
                .off
                .unwrap() as usize;
        }
        let image = smpkit_sim::image::build_sized(version(3, 0, 0, 0), 77, 15_000);
        let mut fields = first_fields(&image, 256);
        fields.reverse();
        assert_eq!(ask(&mut watch, &upload(&fields)), off(256), "at {at}");
        assert_eq!(upload_all(&mut watch, &image, 1000), done(15_000));
        assert_slot_holds(&watch, &image);
        assert_rules_kept(&watch);
    }
}

#[test]
fn resume_with_data_in_front_keeps_its_place_or_the_start_of_its_sector() {
    for at in [3000, 4096, 4097, 9000, 12_287] {
        let mut watch = Watch::running();
        let image = new_image(20_000);
        ask(&mut watch, &upload(&first_fields(&image, 200)));
        let mut kept = 200;
        while kept < at {
            let n = 1000.min(at - kept);
            kept = ask(&mut watch, &upload(&chunk_fields(&image, kept, n)))
                .off
                .unwrap() as usize;
        }
        let mut fields = first_fields(&image, 2000);
        fields.reverse();
        let told = ask(&mut watch, &upload(&fields)).off.unwrap() as usize;
        assert!(told <= at && told >= at / 4096 * 4096, "{at} to {told}");
        let last = upload_all(&mut watch, &image, 1000);
        assert_eq!(last.off, Some(20_000));
        assert_slot_holds(&watch, &image);
        assert_rules_kept(&watch);
    }
}
