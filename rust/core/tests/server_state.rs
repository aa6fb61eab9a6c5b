//! Image list, test and confirm: flags, forms of the hash, and every cell of the state table.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;
use smpkit_core::image::SwapType;

fn running_hash() -> [u8; 32] {
    image_hash(&running_image())
}

fn other() -> Vec<u8> {
    new_image(60_000)
}

fn flags_of(watch: &mut Watch) -> Vec<[bool; 5]> {
    let reply = state_read(watch);
    entries(&reply).into_iter().map(|entry| entry.3).collect()
}

#[test]
fn list_has_every_key_in_order_and_the_hash_of_the_image() {
    let mut watch = loaded(&other());
    let reply = state_read(&mut watch);
    assert_well_formed(&packet(READ2, 1, 0, &[0xA0]), &reply);
    let found = entries(&reply);
    let active = [true, false, true, true, false];
    let inactive = [true, false, false, false, false];
    assert_eq!(found[0], (0, "1.0.0".into(), running_hash(), active));
    assert_eq!(
        found[1],
        (1, "2.0.1".into(), image_hash(&other()), inactive)
    );
    assert_eq!(found.len(), 2);
}

#[test]
fn list_of_two_slots_fits_256_bytes_and_the_scratch_buffer() {
    let mut board = smpkit_sim::Board::pinetime();
    let longest = version(255, 255, 65535, u32::MAX);
    board.load(&PRIMARY, &smpkit_sim::image::build_sized(longest, 1, 5000));
    board.load(
        &SECONDARY,
        &smpkit_sim::image::build_sized(longest, 2, 5000),
    );
    let mut watch = Watch::new(board);
    let reply = state_read(&mut watch);
    let found = entries(&reply);
    assert_eq!(found[0].1, "255.255.65535.4294967295");
    assert!(reply.len() <= 300, "{} bytes", reply.len());
    let mut watch = loaded(&other());
    let reply = state_read(&mut watch);
    assert!(reply.len() <= 256, "{} bytes", reply.len());
}

#[test]
fn slots_without_a_recognisable_image_are_left_out() {
    let damages: [fn(&mut Vec<u8>); 4] = [
        |image| image[0] ^= 1,
        |image| image.truncate(50_000),
        |image| {
            let at = image.len() - 40;
            image[at] ^= 1;
        },
        |image| image.clear(),
    ];
    for damage in damages {
        let mut image = other();
        damage(&mut image);
        let mut watch = loaded(&image);
        assert_eq!(entries(&state_read(&mut watch)).len(), 1);
    }
    let mut watch = Watch::new(smpkit_sim::Board::pinetime());
    assert!(entries(&state_read(&mut watch)).is_empty());
}

#[test]
fn flags_follow_what_the_bootloader_will_do() {
    let [t, f] = [true, false];
    let running = [t, f, t, t, f];
    assert_eq!(flags_of(&mut Watch::running()), [running]);
    assert_eq!(flags_of(&mut loaded(&other())), [running, [t, f, f, f, f]]);
    let test = [running, [t, t, f, f, f]];
    assert_eq!(flags_of(&mut pending(&other(), false)), test);
    let permanent = [running, [t, t, f, f, t]];
    assert_eq!(flags_of(&mut pending(&other(), true)), permanent);
    let trial = [[t, f, f, t, f], [t, f, t, f, f]];
    assert_eq!(flags_of(&mut on_trial()), trial);
    let mut confirmed = on_trial();
    state_write(&mut confirmed, None, true);
    assert_eq!(flags_of(&mut confirmed), [running, [t, f, f, f, f]]);
}

#[test]
fn image_in_the_middle_of_an_upload_is_not_listed() {
    let mut watch = loaded(&other());
    let image = new_image(30_000);
    ask(&mut watch, &upload(&first_fields(&image, 200)));
    assert_eq!(entries(&state_read(&mut watch)).len(), 1);
    assert_eq!(upload_all(&mut watch, &image, 2000), done(30_000));
    let found = entries(&state_read(&mut watch));
    assert_eq!(found[1].2, image_hash(&image));
}

/// What a state write must answer.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Want {
    /// The list, and this next start.
    List(SwapType),
    /// A group error and its translation.
    Error(u32, u32),
}
use Want::{Error, List};

type Make = fn() -> Watch;

fn states() -> [(&'static str, Make); 4] {
    [
        ("none", || loaded(&other())),
        ("test", || pending(&other(), false)),
        ("permanent", || pending(&other(), true)),
        ("revert", on_trial),
    ]
}

// failure case 22
#[test]
fn case_22_every_cell_of_the_state_table() {
    use SwapType::{None as Stay, Perm, Test};
    let (pending, to_active, no_hash) = (Error(28, 6), Error(33, 1), Error(24, 3));
    // Slot meant (None: no hash), confirm, answers in the four states.
    let table: [(Option<usize>, bool, [Want; 4]); 6] = [
        (Some(1), false, [List(Test), List(Test), pending, pending]),
        (
            Some(1),
            true,
            [List(Perm), pending, List(Perm), List(SwapType::Revert)],
        ),
        (Some(0), false, [to_active; 4]),
        (Some(0), true, [List(Stay), pending, pending, List(Stay)]),
        (None, true, [List(Stay), pending, pending, List(Stay)]),
        (None, false, [no_hash; 4]),
    ];
    for (slot, confirm, answers) in table {
        for ((name, make), want) in states().into_iter().zip(answers) {
            for first in [WRITE1, WRITE2] {
                let mut watch = make();
                let images = entries(&state_read(&mut watch));
                let mut fields: Fields = vec![("confirm", Value::Bool(confirm))];
                if let Some(slot) = slot {
                    fields.push(("hash", Value::Bytes(images[slot].2.to_vec())));
                }
                let before = next(&mut watch);
                let request = packet(first, 1, 0, &map(&fields, false));
                let reply = watch.request(&request).unwrap();
                assert_well_formed(&request, &reply);
                let label = format!("{name}: slot {slot:?}, confirm {confirm}");
                match want {
                    List(after) => {
                        assert_eq!(next(&mut watch), after, "{label}");
                        let list = state_read(&mut watch);
                        assert_eq!(reply[8..], list[8..], "{label}");
                    }
                    Error(code, plain) => {
                        let expected = if first == WRITE1 {
                            rc(plain)
                        } else {
                            err(1, code)
                        };
                        assert_eq!(answer(&reply), expected, "{label}");
                        assert_eq!(next(&mut watch), before, "{label}");
                    }
                }
                assert_rules_kept(&watch);
            }
        }
    }
}

#[test]
fn every_form_of_no_hash_confirms_the_running_image() {
    let forms: [Fields; 4] = [
        vec![],
        vec![("hash", Value::Null)],
        vec![("hash", Value::Bytes(vec![]))],
        vec![("hash", Value::Raw(vec![0x58, 0]))],
    ];
    for hash in forms {
        for (first, flag) in [(WRITE1, Value::Bool(true)), (WRITE2, Value::Uint(1))] {
            let mut watch = on_trial();
            let mut fields = hash.clone();
            fields.push(("confirm", flag));
            let request = packet(first, 1, 0, &map(&fields, false));
            // Twice: clients repeat what they got no reply to.
            for _ in 0..2 {
                let reply = watch.request(&request).unwrap();
                assert!(entries(&reply)[0].3[2], "confirmed");
            }
            assert_eq!(next(&mut watch), SwapType::None);
            assert_eq!(watch.world.board.chips[0].counters().writes, 1);
        }
    }
}

#[test]
fn wrong_hashes() {
    let mut watch = loaded(&other());
    let write = |watch: &mut Watch, first: u8, value: Value| {
        let fields = vec![("hash", value), ("confirm", Value::Bool(false))];
        let request = packet(first, 1, 0, &map(&fields, false));
        answer(&watch.request(&request).unwrap())
    };
    for len in [1, 20, 31, 33, 64, 200] {
        let short = Value::Bytes(vec![0x11; len]);
        assert_eq!(
            write(&mut watch, WRITE2, short.clone()),
            err(1, 24),
            "{len}"
        );
        assert_eq!(write(&mut watch, WRITE1, short), rc(3), "{len}");
    }
    let unknown = Value::Bytes(vec![0x11; 32]);
    assert_eq!(write(&mut watch, WRITE2, unknown.clone()), err(1, 8));
    assert_eq!(write(&mut watch, WRITE1, unknown), rc(1));
    let text = Value::Text("hash".into());
    assert_eq!(write(&mut watch, WRITE2, text), rc(3));
    // A hash that only begins like one of ours.
    let mut nearly = image_hash(&other());
    nearly[31] ^= 1;
    assert_eq!(
        write(&mut watch, WRITE2, Value::Bytes(nearly.into())),
        err(1, 8)
    );
    assert_eq!(next(&mut watch), SwapType::None);
    assert_eq!(watch.world.board.operations(), 0);
}

// failure case 21
#[test]
fn case_21_image_that_is_already_running_is_found_in_the_primary() {
    let mut watch = loaded(&running_image());
    let hash = running_hash();
    assert_eq!(
        answer(&state_write(&mut watch, Some(&hash), false)),
        err(1, 33)
    );
    let reply = state_write(&mut watch, Some(&hash), true);
    assert_eq!(entries(&reply).len(), 2);
    assert_eq!(next(&mut watch), SwapType::None);
    assert_eq!(watch.world.board.operations(), 0);
}

// failure case 18
#[test]
fn case_18_image_that_was_never_checked_is_hashed_before_it_is_scheduled() {
    let good = other();
    for permanent in [false, true] {
        for (at, ok) in [
            (None, true),
            (Some(40), false),
            (Some(59_000), false),
            (Some(30), false),
        ] {
            let mut image = good.clone();
            if let Some(at) = at {
                image[at] ^= 0x10;
            }
            let mut watch = loaded(&image);
            let hash = image_hash(&image);
            let reply = state_write(&mut watch, Some(&hash), permanent);
            if ok {
                assert_eq!(entries(&reply).len(), 2);
                let expected = if permanent {
                    SwapType::Perm
                } else {
                    SwapType::Test
                };
                assert_eq!(next(&mut watch), expected);
            } else {
                assert_eq!(answer(&reply), err(1, 24), "byte {at:?}");
                assert_eq!(next(&mut watch), SwapType::None);
                assert_eq!(watch.world.board.operations(), 0);
            }
        }
    }
    // A wrong TLV with a right payload.
    let mut image = good.clone();
    let last = image.len() - 1;
    image[last] ^= 1;
    let mut watch = loaded(&image);
    let hash = image_hash(&image);
    assert_eq!(
        answer(&state_write(&mut watch, Some(&hash), true)),
        err(1, 24)
    );
    assert_eq!(next(&mut watch), SwapType::None);
}

#[test]
fn file_that_is_not_checked_as_an_image_cannot_be_scheduled_unchecked() {
    let mut image = other();
    image[5000] ^= 1;
    let mut board = smpkit_sim::Board::pinetime();
    board.load(&PRIMARY, &running_image());
    let setup = Setup {
        any_file: true,
        ..Setup::default()
    };
    let mut watch = Watch::with(board, setup);
    let last = upload_all(&mut watch, &image, 2000);
    assert_eq!(
        last,
        off(image.len() as u32),
        "any file is welcome, but no match"
    );
    let reply = state_write(&mut watch, Some(&image_hash(&image)), false);
    assert_eq!(answer(&reply), err(1, 24));
    assert_eq!(next(&mut watch), SwapType::None);
}

#[test]
fn test_after_upload_needs_no_second_hashing_and_survives_a_restart() {
    let mut watch = Watch::running();
    let image = other();
    assert_eq!(upload_all(&mut watch, &image, 3000), done(60_000));
    let before = watch.world.board.chips[1].counters().read_bytes;
    state_write(&mut watch, Some(&image_hash(&image)), false);
    let read = watch.world.board.chips[1].counters().read_bytes - before;
    assert!(read < 2000, "{read} bytes read to schedule a checked image");
    let mut watch = watch.reboot();
    assert_eq!(next(&mut watch), SwapType::Test);
    assert_rules_kept(&watch);
}
