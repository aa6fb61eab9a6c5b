//! Power cuts in every write and erase of an upload: nothing is scheduled by itself, the running
//! image is untouched, and the next upload ends with a checked image.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;
use smpkit_core::image::SwapType;
use smpkit_sim::{image::build_sized, Board, Cut, Random};

/// A client that goes on after errors and restarts; gives up when power is gone. Every other
/// request is small, so that the device cannot foresee how much comes next.
fn upload_until_cut(watch: &mut Watch, image: &[u8], n: usize) -> Option<Answer> {
    let mut at = 0;
    for round in 0..5000 {
        let n = if round % 2 == 0 { n } else { n / 30 + 1 };
        let request = match at {
            0 => upload(&first_fields(image, 256.min(image.len()))),
            at => upload(&chunk_fields(image, at, n)),
        };
        let reply = answer(&watch.request(&request)?);
        if !watch.world.board.is_on() {
            return None;
        }
        match reply {
            Answer {
                off: Some(off),
                matched: None,
                ..
            } => at = off as usize,
            end => return Some(end),
        }
        watch.settle();
    }
    panic!("no end");
}

/// How many writes and erases an upload over `before` takes.
fn operations(before: &Board, image: &[u8], n: usize) -> u32 {
    let mut watch = Watch::new(before.clone());
    assert_eq!(
        upload_until_cut(&mut watch, image, n),
        Some(done(image.len() as u32))
    );
    watch.world.board.operations() - before.operations()
}

fn states() -> Vec<(&'static str, Board)> {
    let old = build_sized(version(1, 5, 0, 0), 50, 40_000);
    let mut blank = Board::pinetime();
    blank.load(&PRIMARY, &running_image());
    vec![
        ("blank", blank),
        ("an old image", loaded(&old).world.board),
        ("pending", pending(&old, false).world.board),
        ("pending for good", pending(&old, true).world.board),
    ]
}

// failure case 2; I1, I2
#[test]
fn case_02_cut_in_every_operation_of_an_upload() {
    let image = build_sized(version(2, 0, 0, 0), 60, 21_000);
    let n = 4000;
    let mut resumed = 0;
    for (name, before) in states() {
        let primary = before.bytes(&PRIMARY).to_vec();
        for at in 0..operations(&before, &image, n) {
            for how in Cut::ALL {
                let label = format!("{name}: {how:?} at operation {at}");
                let mut board = before.clone();
                board.cut_after(at, how);
                let mut watch = Watch::new(board);
                let old = next(&mut watch);
                upload_until_cut(&mut watch, &image, n);
                assert!(!watch.world.board.is_on(), "{label}: not reached");
                let mut watch = watch.reboot();
                assert!(watch.primary() == primary, "{label}: primary");
                // Only the very first erase may leave what was scheduled before.
                let kind = next(&mut watch);
                let may_stay = at == 0 && kind == old;
                assert!(kind == SwapType::None || may_stay, "{label}: {kind:?}");
                let first = upload(&first_fields(&image, 256));
                let told = ask(&mut watch, &first)
                    .off
                    .unwrap_or_else(|| panic!("{label}"));
                resumed += u32::from(told > 256);
                assert_eq!(next(&mut watch), SwapType::None, "{label}");
                let last = upload_until_cut(&mut watch, &image, n);
                assert_eq!(last, Some(done(21_000)), "{label}, resumed at {told}");
                assert_slot_holds(&watch, &image);
                assert!(watch.primary() == primary, "{label}: primary");
            }
        }
    }
    assert!(resumed > 100, "{resumed} uploads were resumed");
}

// failure case 2
#[test]
fn case_02_cut_and_then_another_file() {
    let image = build_sized(version(2, 0, 0, 0), 60, 21_000);
    let other = build_sized(version(2, 1, 0, 0), 61, 15_000);
    for (name, before) in states() {
        for at in (0..operations(&before, &image, 3000)).step_by(5) {
            for how in Cut::ALL {
                let mut board = before.clone();
                board.cut_after(at, how);
                let mut watch = Watch::new(board);
                upload_until_cut(&mut watch, &image, 3000);
                let mut watch = watch.reboot();
                let last = upload_until_cut(&mut watch, &other, 2000);
                assert_eq!(last, Some(done(15_000)), "{name}: {how:?} at {at}");
                assert_slot_holds(&watch, &other);
            }
        }
    }
}

// failure case 2: the whole road to a scheduled image, with several cuts on it
#[test]
fn case_02_random_cuts_until_the_image_is_scheduled() {
    let image = build_sized(version(2, 0, 0, 0), 60, 30_000);
    let hash = image_hash(&image);
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let (_, before) = states().swap_remove(random.below(4) as usize);
        let permanent = random.one_in(2);
        let wanted = if permanent {
            SwapType::Perm
        } else {
            SwapType::Test
        };
        let mut watch = Watch::new(before);
        let primary = watch.primary().to_vec();
        let mut uploaded = false;
        for round in 0.. {
            if round < 6 {
                let how = *random.pick(&[Cut::Clean, Cut::Torn, Cut::Done, Cut::Bytes(9)]);
                watch.world.board.cut_after(random.below(160), how);
            }
            let last = upload_until_cut(&mut watch, &image, 500 + random.below(3000) as usize);
            // A guess that was wrong costs one more round, and nothing else.
            if last == Some(done(30_000)) {
                uploaded = true;
                state_write(&mut watch, Some(&hash), permanent);
            }
            watch = watch.reboot();
            let kind = next(&mut watch);
            assert!(
                watch.primary() == primary,
                "seed {seed}, round {round}: primary"
            );
            if uploaded && kind == wanted {
                break;
            }
            assert!(round < 12, "seed {seed}: no end");
        }
        assert!(watch.secondary().starts_with(&image), "seed {seed}");
    }
}

// failure case 40
#[test]
fn case_40_three_updates_with_cuts_wear_the_trailer_sector_once_each() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let mut watch = Watch::running();
        let last_sector = (SECONDARY.offset + SECONDARY.size) / 4096 - 1;
        for round in 0..3u32 {
            let len = 20_000 + random.below(60_000) as usize;
            let image = build_sized(version(2, round as u8, 0, 0), seed, len);
            let mut cuts = 0;
            loop {
                if random.one_in(2) && cuts < 3 {
                    watch
                        .world
                        .board
                        .cut_after(random.below(100), *random.pick(&Cut::ALL));
                }
                let last = upload_until_cut(&mut watch, &image, 3000);
                if last == Some(done(len as u32)) {
                    break;
                }
                assert_eq!(last, None, "seed {seed}: {last:?}");
                cuts += 1;
                watch = watch.reboot();
            }
            watch.world.board.power_on();
            let hash = image_hash(&image);
            state_write(&mut watch, Some(&hash), true);
            assert_eq!(next(&mut watch), SwapType::Perm, "seed {seed}");
            let wear = watch.world.board.chips[1].wear()[last_sector as usize];
            // One erase per upload that found something there, plus those that were cut.
            assert!(
                wear <= round + cuts,
                "seed {seed}: {wear} erases, {cuts} cuts, round {round}"
            );
        }
        assert_rules_kept(&watch);
    }
}

#[test]
fn no_sector_of_an_image_is_erased_twice_in_one_upload() {
    let mut watch = loaded(&build_sized(version(1, 5, 0, 0), 50, 400_000));
    let image = build_sized(version(2, 0, 0, 0), 60, 300_000);
    assert_eq!(
        upload_until_cut(&mut watch, &image, 4000),
        Some(done(300_000))
    );
    let worst = watch.world.board.chips[1].wear().iter().max();
    assert_eq!(worst, Some(&1));
}

/// A cut after data came for the wrong offset: what it left may be taken for a part of the file,
/// which the hash finds out; the start after that succeeds.
#[test]
fn case_02_cut_behind_misplaced_data_costs_one_more_start_at_most() {
    let image = build_sized(version(2, 0, 0, 0), 60, 30_000);
    for seed in 0..120 {
        let mut random = Random::new(seed);
        let mut watch = Watch::running();
        let mut at = 0;
        watch
            .world
            .board
            .cut_after(20 + random.below(120), *random.pick(&Cut::ALL));
        while watch.world.board.is_on() && at < image.len() {
            let mut fields = match at {
                0 => first_fields(&image, 256),
                at => chunk_fields(&image, at, 1 + random.below(4000) as usize),
            };
            if at != 0 && random.one_in(3) {
                let wrong = 1 + random.below(29_000) as usize;
                fields = chunk_fields(&image, wrong, 4000);
                fields.reverse();
            }
            let reply = answer(&watch.request(&upload(&fields)).unwrap());
            at = reply.off.unwrap_or(0) as usize;
        }
        let mut watch = watch.reboot();
        assert_eq!(next(&mut watch), SwapType::None, "seed {seed}");
        let mut last = upload_until_cut(&mut watch, &image, 3000);
        if last == Some(err(1, 24)) {
            last = upload_until_cut(&mut watch, &image, 3000);
        }
        assert_eq!(last, Some(done(30_000)), "seed {seed}");
        assert_slot_holds(&watch, &image);
        assert_rules_kept(&watch);
    }
}
