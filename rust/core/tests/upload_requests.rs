//! One upload request at a time: what is answered, and that a mismatch is no error.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;

fn v1(fields: &Fields) -> Vec<u8> {
    packet(WRITE1, 1, 1, &map(fields, false))
}

fn without(fields: &Fields, key: &str) -> Fields {
    fields
        .iter()
        .filter(|(name, _)| *name != key)
        .cloned()
        .collect()
}

fn with(fields: &Fields, key: &'static str, value: Value) -> Fields {
    let mut fields = without(fields, key);
    fields.push((key, value));
    fields
}

#[test]
fn what_a_request_lacks_is_told_in_both_versions() {
    let image = new_image(5000);
    let good = first_fields(&image, 100);
    let short = first_fields(&image, 31);
    let mut magic = image.clone();
    magic[0] ^= 1;
    let cases: [(Fields, u32, u32, Option<&str>); 8] = [
        (without(&good, "off"), 20, 3, Some("header malformed")),
        (without(&good, "len"), 21, 3, Some("header malformed")),
        (without(&good, "data"), 22, 3, Some("header malformed")),
        (short, 22, 3, Some("header malformed")),
        (first_fields(&magic, 100), 23, 1, Some("magic mismatch")),
        (with(&good, "sha", Value::Bytes(vec![1; 33])), 24, 3, None),
        (
            with(&good, "len", Value::Uint(10_000_000)),
            30,
            1,
            Some("img too large"),
        ),
        (with(&good, "len", Value::Uint(99)), 31, 1, None),
    ];
    for (fields, code, plain, reason) in cases {
        let mut watch = Watch::running();
        assert_eq!(ask(&mut watch, &upload(&fields)), err(1, code), "{code}");
        let reply = watch.request(&v1(&fields)).unwrap();
        assert_well_formed(&v1(&fields), &reply);
        assert_eq!(answer(&reply), rc(plain), "{code}");
        assert_eq!(holds(&reply, "rsn"), reason.is_some(), "{code}");
        assert!(reason.is_none_or(|text| holds(&reply, text)), "{code}");
        assert_eq!(
            watch.world.board.operations(),
            0,
            "{code}: flash was changed"
        );
    }
}

#[test]
fn first_chunk_of_any_length_is_kept_up_to_a_page() {
    for n in [32, 33, 200, 255, 256, 257, 512, 2000, 4000] {
        let mut watch = Watch::running();
        let image = new_image(9000);
        let kept = n.min(256) as u32;
        let first = upload(&first_fields(&image, n));
        assert_eq!(ask(&mut watch, &first), off(kept), "{n}");
        let next = upload(&chunk_fields(&image, kept as usize, 400));
        assert_eq!(ask(&mut watch, &next), off(kept + 400), "{n}");
    }
}

#[test]
fn image_of_one_request_is_complete_at_once() {
    let mut watch = Watch::running();
    let image = new_image(200);
    let first = upload(&first_fields(&image, 200));
    assert_eq!(ask(&mut watch, &first), done(200));
    assert_slot_holds(&watch, &image);
}

// failure case 16
#[test]
fn case_16_repeated_first_chunk_gets_the_offset_and_writes_nothing() {
    let mut watch = Watch::running();
    let image = new_image(50_000);
    let first = upload(&first_fields(&image, 200));
    assert_eq!(ask(&mut watch, &first), off(200));
    let operations = watch.world.board.operations();
    assert_eq!(ask(&mut watch, &first), off(200));
    assert_eq!(watch.world.board.operations(), operations);
    let next = upload(&chunk_fields(&image, 200, 3000));
    assert_eq!(ask(&mut watch, &next), off(3200));
    let operations = watch.world.board.operations();
    assert_eq!(ask(&mut watch, &first), off(3200));
    assert_eq!(watch.world.board.operations(), operations);
}

// failure case 16
#[test]
fn case_16_duplicates_and_gaps_are_successes_with_the_expected_offset() {
    let mut watch = Watch::running();
    let image = new_image(50_000);
    ask(&mut watch, &upload(&first_fields(&image, 200)));
    let next = upload(&chunk_fields(&image, 200, 300));
    assert_eq!(ask(&mut watch, &next), off(500));
    for (at, n) in [
        (200, 300),
        (300, 200),
        (501, 300),
        (2000, 10),
        (49_000, 1000),
    ] {
        let wrong = upload(&chunk_fields(&image, at, n));
        assert_eq!(ask(&mut watch, &wrong), off(500), "at {at}");
    }
    assert_eq!(upload_all(&mut watch, &image, 500).matched, Some(true));
    assert_slot_holds(&watch, &image);
}

#[test]
fn offset_without_a_session_is_answered_with_0() {
    let mut watch = Watch::running();
    let image = new_image(5000);
    let chunk = upload(&chunk_fields(&image, 100, 100));
    assert_eq!(ask(&mut watch, &chunk), off(0));
    assert_eq!(watch.world.board.operations(), 0);
}

// failure case 17
#[test]
fn case_17_chunk_after_completion_is_answered_with_0_and_not_written() {
    let mut watch = Watch::running();
    let image = new_image(9000);
    assert_eq!(upload_all(&mut watch, &image, 1000), done(9000));
    let operations = watch.world.board.operations();
    for at in [9000, 8999, 1] {
        let fields = vec![("off", Value::Uint(at)), ("data", Value::Bytes(vec![0; 8]))];
        assert_eq!(ask(&mut watch, &upload(&fields)), off(0));
    }
    assert_eq!(watch.world.board.operations(), operations);
    assert_slot_holds(&watch, &image);
}

#[test]
fn data_may_be_missing_or_empty() {
    let mut watch = Watch::running();
    let image = new_image(9000);
    ask(&mut watch, &upload(&first_fields(&image, 200)));
    let none = upload(&vec![("off", Value::Uint(200))]);
    assert_eq!(ask(&mut watch, &none), off(200));
    let empty = upload(&chunk_fields(&image, 200, 0));
    assert_eq!(ask(&mut watch, &empty), off(200));
    assert_eq!(upload_all(&mut watch, &image, 700), done(9000));
}

#[test]
fn bytes_behind_the_end_are_refused_and_end_the_session() {
    let mut watch = Watch::running();
    let image = new_image(5000);
    ask(&mut watch, &upload(&first_fields(&image, 200)));
    let longer = [image.clone(), vec![0; 400]].concat();
    let mut at = 200;
    while at + 400 < 5000 {
        at = ask(&mut watch, &upload(&chunk_fields(&image, at, 400)))
            .off
            .unwrap() as usize;
    }
    let over = upload(&chunk_fields(&longer, at, 401));
    assert_eq!(ask(&mut watch, &over), err(1, 31));
    let next = upload(&chunk_fields(&image, at, 100));
    assert_eq!(ask(&mut watch, &next), off(0));
    assert_eq!(upload_all(&mut watch, &image, 400), done(5000));
}

#[test]
fn match_is_told_with_the_last_reply_only() {
    for sha in [true, false] {
        let mut watch = Watch::running();
        let image = new_image(9000);
        let mut first = first_fields(&image, 200);
        if !sha {
            first = without(&first, "sha");
        }
        let mut last = ask(&mut watch, &upload(&first));
        while last.off != Some(9000) {
            assert_eq!(last.matched, None);
            let at = last.off.unwrap() as usize;
            last = ask(&mut watch, &upload(&chunk_fields(&image, at, 900)));
        }
        assert_eq!(last, done(9000));
    }
}

#[test]
fn sha_of_1_to_31_bytes_only_names_the_session() {
    for len in [1, 20, 31] {
        let mut watch = Watch::running();
        let image = new_image(9000);
        let named = |name: u8, image: &[u8]| {
            let sha = Value::Bytes(vec![name; len]);
            upload(&with(&first_fields(image, 200), "sha", sha))
        };
        assert_eq!(ask(&mut watch, &named(7, &image)), off(200));
        ask(&mut watch, &upload(&chunk_fields(&image, 200, 300)));
        assert_eq!(ask(&mut watch, &named(7, &image)), off(500));
        // Another name is another session.
        assert_eq!(ask(&mut watch, &named(8, &image)), off(200));
        let mut at = 200;
        while at < 9000 {
            let next = upload(&chunk_fields(&image, at as usize, 900));
            at = ask(&mut watch, &next).off.unwrap();
        }
        assert_slot_holds(&watch, &image);
    }
}

#[test]
fn sha_of_the_same_bytes_but_another_length_is_another_session() {
    let mut watch = Watch::running();
    let image = new_image(9000);
    let sha = sha256(&image);
    ask(&mut watch, &upload(&first_fields(&image, 200)));
    ask(&mut watch, &upload(&chunk_fields(&image, 200, 300)));
    let shorter = Value::Bytes(sha[..31].to_vec());
    let first = upload(&with(&first_fields(&image, 100), "sha", shorter));
    assert_eq!(ask(&mut watch, &first), off(100));
}

#[test]
fn absent_and_empty_sha_start_again() {
    for empty in [true, false] {
        let mut watch = Watch::running();
        let image = new_image(9000);
        let mut first = without(&first_fields(&image, 200), "sha");
        if empty {
            first.push(("sha", Value::Bytes(Vec::new())));
        }
        ask(&mut watch, &upload(&first));
        ask(&mut watch, &upload(&chunk_fields(&image, 200, 300)));
        assert_eq!(ask(&mut watch, &upload(&first)), off(200));
        assert_eq!(upload_all(&mut watch, &image, 700), done(9000));
    }
}

// failure case 20
#[test]
fn case_20_upgrade_takes_only_a_higher_version() {
    for (numbers, code) in [
        ((0, 9, 9, 0), Some(27)),
        ((1, 0, 0, 0), Some(27)),
        ((1, 0, 0, 4), Some(27)),
        ((1, 0, 1, 0), None),
        ((1, 1, 0, 0), None),
        ((255, 0, 0, 0), None),
    ] {
        let (major, minor, revision, build) = numbers;
        let version = version(major, minor, revision, build);
        let image = smpkit_sim::image::build_sized(version, 9, 5000);
        for flag in [Value::Bool(true), Value::Uint(1)] {
            let mut watch = Watch::running();
            let first = with(&first_fields(&image, 100), "upgrade", flag);
            let expected = code.map_or(off(100), |code| err(1, code));
            assert_eq!(ask(&mut watch, &upload(&first)), expected, "{numbers:?}");
            if code.is_some() {
                assert_eq!(ask(&mut watch, &v1(&first)), rc(6));
                assert_eq!(watch.world.board.operations(), 0);
            }
        }
        let mut watch = Watch::running();
        let first = with(&first_fields(&image, 100), "upgrade", Value::Bool(false));
        assert_eq!(ask(&mut watch, &upload(&first)), off(100), "{numbers:?}");
    }
}

#[test]
fn any_image_number_is_accepted_and_may_come_with_every_chunk() {
    for number in [0, 1, 7, 0xFFFF_FFFF] {
        let mut watch = Watch::running();
        let image = new_image(5000);
        let first = with(&first_fields(&image, 100), "image", Value::Uint(number));
        assert_eq!(ask(&mut watch, &v1(&first)), off(100));
        let mut at = 100;
        while at < 5000 {
            // As newtmgr writes it: image, off, data.
            let mut fields: Fields = vec![("image", Value::Uint(number))];
            fields.extend(chunk_fields(&image, at as usize, 213));
            at = ask(&mut watch, &v1(&fields)).off.unwrap();
        }
        assert_slot_holds(&watch, &image);
    }
}

#[test]
fn fields_of_the_first_chunk_are_ignored_later() {
    let mut watch = Watch::running();
    let image = new_image(5000);
    ask(&mut watch, &upload(&first_fields(&image, 100)));
    let mut fields = chunk_fields(&image, 100, 400);
    fields.push(("len", Value::Uint(17)));
    fields.push(("sha", Value::Bytes(vec![9; 40])));
    fields.push(("upgrade", Value::Bool(true)));
    assert_eq!(ask(&mut watch, &upload(&fields)), off(500));
    assert_eq!(upload_all(&mut watch, &image, 700), done(5000));
}

// failure case 22
#[test]
fn case_22_upload_over_a_pending_image_unschedules_it() {
    for permanent in [false, true] {
        let mut watch = pending(&new_image(60_000), permanent);
        let image = new_image(30_000);
        assert_eq!(
            ask(&mut watch, &upload(&first_fields(&image, 200))),
            off(200)
        );
        assert_eq!(next(&mut watch), smpkit_core::image::SwapType::None);
        assert_eq!(upload_all(&mut watch, &image, 2000), done(30_000));
        assert_eq!(next(&mut watch), smpkit_core::image::SwapType::None);
    }
}

// failure case 22
#[test]
fn case_22_upload_is_refused_while_on_trial() {
    let mut watch = on_trial();
    let before = watch.secondary().to_vec();
    let first = first_fields(&new_image(30_000), 200);
    assert_eq!(ask(&mut watch, &upload(&first)), err(1, 9));
    let reply = watch.request(&v1(&first)).unwrap();
    assert_eq!(answer(&reply), rc(6));
    assert!(holds(&reply, "no slot"));
    assert!(watch.secondary() == before);
    assert_eq!(watch.world.board.operations(), 0);
}

#[test]
fn firmware_may_refuse_an_update() {
    let mut watch = Watch::running();
    watch.world.start_refused = true;
    let first = upload(&first_fields(&new_image(5000), 200));
    assert_eq!(ask(&mut watch, &first), rc(6));
    assert_eq!(watch.world.board.operations(), 0);
}
