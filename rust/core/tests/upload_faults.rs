//! Flash that lies or fails: success is never reported unless the flash holds what was promised (I4).

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;
use smpkit_core::image::SwapType;
use smpkit_sim::{image::build_sized, Fault, Random};

const LEN: usize = 21_000;

fn image() -> Vec<u8> {
    build_sized(version(2, 0, 0, 0), 60, LEN)
}

/// Upload until an end, good or bad.
fn finish(watch: &mut Watch, image: &[u8], n: usize) -> Answer {
    let mut last = ask(watch, &upload(&first_fields(image, 200)));
    for _ in 0..1000 {
        let Some(at) = last.off.filter(|off| (*off as usize) < image.len()) else {
            return last;
        };
        let request = match at {
            0 => upload(&first_fields(image, 200)),
            at => upload(&chunk_fields(image, at as usize, n)),
        };
        last = ask(watch, &request);
        watch.settle();
    }
    panic!("no end: {last:?}");
}

fn assert_refused(watch: &mut Watch, image: &[u8], label: &str) {
    let last = finish(watch, image, 3000);
    assert!(last.group_error.is_some(), "{label}: {last:?}");
    let reply = state_write(watch, Some(&image_hash(image)), false);
    assert!(holds(&reply, "err"), "{label}");
    assert_eq!(next(watch), SwapType::None, "{label}");
}

// failure case 7; I4
#[test]
fn case_07_stuck_bits_are_found_when_the_slot_is_read_back() {
    let image = image();
    let places = [0, 5, 12, 31, 32, 100, 255, 256, 4096, 10_000];
    let behind = [LEN - 1, LEN - 20, LEN - 33, LEN - 36, LEN - 40, LEN - 41];
    for at in places.into_iter().chain(behind) {
        for (zeros, ones) in [(1, 0), (0x80, 0), (0, 1), (0, 0x80)] {
            if image[at] & !zeros | ones == image[at] {
                continue;
            }
            let mut watch = Watch::running();
            let chip = &mut watch.world.board.chips[1];
            chip.stick(SECONDARY.offset + at as u32, zeros, ones);
            assert_refused(
                &mut watch,
                &image,
                &format!("{at}: -{zeros:02x} +{ones:02x}"),
            );
        }
    }
}

// failure case 7
#[test]
fn case_07_stuck_bits_in_the_trailer_are_errors_and_nothing_is_scheduled() {
    let image = image();
    for back in [16, 10, 1] {
        for (zeros, ones) in [(0xFF, 0), (0, 0xFF)] {
            let mut watch = Watch::running();
            let at = SECONDARY.offset + SECONDARY.size - back;
            watch.world.board.chips[1].stick(at, zeros, ones);
            let last = finish(&mut watch, &image, 3000);
            if last == done(LEN as u32) {
                let reply = state_write(&mut watch, Some(&image_hash(&image)), false);
                assert_eq!(answer(&reply), err(1, 1), "byte -{back}");
            } else {
                assert_eq!(last, err(1, 13), "byte -{back}");
            }
            assert_eq!(next(&mut watch), SwapType::None, "byte -{back}");
        }
    }
}

// failure case 15
#[test]
fn case_15_write_on_cells_that_are_not_erased_is_detected() {
    let image = image();
    for count in 0..4 {
        let mut watch = loaded(&build_sized(version(1, 1, 0, 0), 5, 40_000));
        watch.world.board.chips[1].inject(Fault::LostErase(count));
        let last = finish(&mut watch, &image, 3000);
        assert_ne!(last.matched, Some(true), "erase {count} lost");
        assert!(last.group_error.is_some(), "erase {count} lost: {last:?}");
        assert_eq!(next(&mut watch), SwapType::None);
        // The chip works again: so does the upload.
        assert_eq!(finish(&mut watch, &image, 3000), done(LEN as u32));
        assert_slot_holds(&watch, &image);
    }
}

// failure case 25 at the level of requests
#[test]
fn case_25_every_failing_call_is_an_error_reply_and_the_next_upload_works() {
    let image = image();
    let make = || loaded(&build_sized(version(1, 1, 0, 0), 5, 40_000));
    let mut plain = make();
    assert_eq!(finish(&mut plain, &image, 3000), done(LEN as u32));
    let used = plain.world.board.chips[1].counters();
    let (writes, erases, reads) = (used.writes, used.erases, used.reads);
    let faults = (0..writes)
        .map(Fault::Write)
        .chain((0..writes).map(Fault::LostWrite))
        .chain((0..erases).map(Fault::Erase))
        .chain((0..reads).step_by(3).map(Fault::Read));
    for fault in faults {
        let mut watch = make();
        let primary = watch.primary().to_vec();
        watch.world.board.chips[1].inject(fault);
        let mut last = finish(&mut watch, &image, 3000);
        watch.world.board.chips[1].heal();
        if last != done(LEN as u32) {
            assert!(last.group_error.is_some(), "{fault:?}: {last:?}");
            assert_eq!(next(&mut watch), SwapType::None, "{fault:?}");
            last = finish(&mut watch, &image, 3000);
        }
        if last == err(1, 24) {
            // What was left looked like a beginning, and was not.
            last = finish(&mut watch, &image, 3000);
        }
        assert_eq!(last, done(LEN as u32), "{fault:?}");
        assert_slot_holds(&watch, &image);
        assert!(watch.primary() == primary, "{fault:?}");
    }
}

// failure case 18; I4
#[test]
fn case_18_wrong_hashes_and_headers_are_refused_at_the_end() {
    let good = image();
    let damages: [(&str, usize, u8); 6] = [
        ("payload", 5000, 1),
        ("hash value", LEN - 1, 1),
        ("hash type", LEN - 36, 1),
        ("hash length", LEN - 34, 1),
        ("area magic", LEN - 40, 1),
        ("version", 20, 1),
    ];
    for (name, at, flip) in damages {
        let mut bad = good.clone();
        bad[at] ^= flip;
        let mut watch = Watch::running();
        assert_eq!(finish(&mut watch, &bad, 3000), err(1, 24), "{name}");
        assert_eq!(entries(&state_read(&mut watch)).len(), 1, "{name}: listed");
        let reply = state_write(&mut watch, Some(&image_hash(&good)), true);
        assert_eq!(answer(&reply), err(1, 8), "{name}");
        assert_eq!(next(&mut watch), SwapType::None, "{name}");
        assert_eq!(finish(&mut watch, &good, 3000), done(LEN as u32), "{name}");
    }
}

// failure case 8; I5
#[test]
fn case_08_stale_trailer_is_gone_before_a_smaller_image_comes() {
    for permanent in [false, true] {
        let mut watch = pending(&build_sized(version(1, 1, 0, 0), 5, 400_000), permanent);
        let image = image();
        ask(&mut watch, &upload(&first_fields(&image, 200)));
        assert_eq!(next(&mut watch), SwapType::None);
        assert_eq!(finish(&mut watch, &image, 3000), done(LEN as u32));
        assert_eq!(next(&mut watch), SwapType::None);
        let reply = state_write(&mut watch, Some(&image_hash(&image)), false);
        assert_eq!(entries(&reply).len(), 2);
        assert_eq!(next(&mut watch), SwapType::Test, "not for good");
    }
}

// I4: reads that are wrong once
#[test]
fn garbled_reads_never_turn_a_wrong_slot_into_a_success() {
    let good = image();
    let mut bad = good.clone();
    bad[9000] ^= 4;
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let mut watch = Watch::running();
        for _ in 0..3 {
            let fault = Fault::Garble(random.below(200));
            watch.world.board.chips[1].inject(fault);
        }
        let sent = if random.one_in(2) { &good } else { &bad };
        let last = finish(&mut watch, sent, 3000);
        if last == done(LEN as u32) {
            assert!(watch.secondary().starts_with(&good), "seed {seed}");
        } else {
            assert!(last.group_error.is_some(), "seed {seed}: {last:?}");
        }
    }
}

#[test]
fn slow_chip_that_answers_again_is_waited_for() {
    for again in [1, 3] {
        let mut watch = pending(&build_sized(version(1, 1, 0, 0), 5, 40_000), false);
        watch.world.board.chips[1].set_erase_again(again);
        assert_eq!(finish(&mut watch, &image(), 3000), done(LEN as u32));
        assert_slot_holds(&watch, &image());
        assert_rules_kept(&watch);
    }
}

#[test]
fn flash_errors_in_version_1_are_rc_1_without_anything_else() {
    let image = image();
    let first = map(&first_fields(&image, 200), false);
    let mut watch = pending(&build_sized(version(1, 1, 0, 0), 5, 40_000), false);
    for fault in [Fault::Erase(0), Fault::Read(40)] {
        watch.world.board.chips[1].inject(fault);
        let reply = watch.request(&packet(WRITE1, 1, 1, &first)).unwrap();
        watch.world.board.chips[1].heal();
        assert_eq!(reply[8..], [0xBF, 0x62, b'r', b'c', 1, 0xFF], "{fault:?}");
    }
    assert_eq!(
        ask(&mut watch, &upload(&first_fields(&image, 200))),
        off(200)
    );
    watch.world.board.chips[1].inject(Fault::Write(0));
    let chunk = map(&chunk_fields(&image, 200, 1000), false);
    let reply = watch.request(&packet(WRITE1, 1, 1, &chunk)).unwrap();
    assert_eq!(answer(&reply), rc(1));
    // The end: what was read back is not what was sent.
    watch.world.board.chips[1].stick(SECONDARY.offset + 9000, !image[9000], image[9000]);
    watch.world.board.chips[1].stick(SECONDARY.offset + 9001, image[9001], !image[9001]);
    let mut fields = first_fields(&image, 200);
    let mut last = Answer::default();
    for _ in 0..100 {
        let reply = watch
            .request(&packet(WRITE1, 1, 1, &map(&fields, false)))
            .unwrap();
        last = answer(&reply);
        match last.off {
            Some(at) => fields = chunk_fields(&image, at as usize, 2000),
            None => break,
        }
    }
    assert_eq!(last, rc(3));
}

// I4: the file as a whole, also what the image's own hash does not cover
#[test]
fn file_whose_signature_was_damaged_on_the_way_does_not_match_its_sha() {
    let options = smpkit_sim::image::Options {
        unprotected: vec![(0x22, vec![7; 70])],
        ..Default::default()
    };
    let body = smpkit_sim::payload(9, 12_000);
    let good = smpkit_sim::image::build(version(2, 0, 0, 0), &body, &options);
    let mut bad = good.clone();
    let last = bad.len() - 1;
    bad[last] ^= 1;
    for (sent, named, matched) in [
        (&good, Some(&good), true),
        (&bad, Some(&good), false),
        (&bad, Some(&bad), true),
        (&bad, None, true),
    ] {
        let mut watch = Watch::running();
        let mut fields = first_fields(sent, 200);
        fields.retain(|(key, _)| *key != "sha");
        if let Some(file) = named {
            fields.push(("sha", Value::Bytes(sha256(file).to_vec())));
        }
        let mut last = ask(&mut watch, &upload(&fields));
        while let Some(at) = last.off.filter(|at| (*at as usize) < sent.len()) {
            last = ask(&mut watch, &upload(&chunk_fields(sent, at as usize, 2000)));
        }
        let expected = if matched {
            done(sent.len() as u32)
        } else {
            err(1, 24)
        };
        assert_eq!(last, expected);
    }
}
