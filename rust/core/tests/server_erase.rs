//! Erase and slot info.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;
use smpkit_core::image::SwapType;
use smpkit_sim::{Fault, OpKind};

fn erase(slot: Option<u64>) -> Vec<u8> {
    let fields = slot.map(|slot| ("slot", Value::Uint(slot)));
    packet(WRITE2, 1, 5, &map(&fields.into_iter().collect(), false))
}

fn is_blank(watch: &Watch) -> bool {
    watch.secondary().iter().all(|byte| *byte == 0xFF)
}

const DONE: Answer = Answer {
    off: None,
    matched: None,
    rc: None,
    group_error: None,
};

#[test]
fn erase_answers_early_and_blanks_the_slot_in_the_background() {
    for slot in [None, Some(1)] {
        let mut watch = loaded(&new_image(200_000));
        assert_eq!(ask(&mut watch, &erase(slot)), DONE);
        let operations = watch.world.board.operations();
        assert!(operations <= 2, "{operations} erases before the reply");
        assert_eq!(entries(&state_read(&mut watch)).len(), 1, "gone at once");
        watch.settle();
        assert!(is_blank(&watch));
        assert_rules_kept(&watch);
        assert!(watch.primary()[..1000] == running_image()[..1000]);
        // Again: nothing to do.
        let operations = watch.world.board.operations();
        assert_eq!(ask(&mut watch, &erase(slot)), DONE);
        watch.settle();
        assert_eq!(watch.world.board.operations(), operations);
    }
}

#[test]
fn slots_that_cannot_be_erased() {
    let mut watch = loaded(&new_image(20_000));
    let v1 = |slot| packet(WRITE1, 1, 5, &map(&vec![("slot", Value::Uint(slot))], true));
    assert_eq!(ask(&mut watch, &erase(Some(0))), err(1, 9));
    assert_eq!(ask(&mut watch, &v1(0)), rc(6));
    for slot in [2, 3, 255, 256, u64::from(u32::MAX), u64::MAX] {
        assert_eq!(ask(&mut watch, &erase(Some(slot))), err(1, 10), "{slot}");
        assert_eq!(ask(&mut watch, &v1(slot)), rc(1), "{slot}");
    }
    assert_eq!(watch.world.board.operations(), 0);
}

// failure case 22
#[test]
fn case_22_erase_is_allowed_while_pending_and_refused_while_on_trial() {
    for permanent in [false, true] {
        let mut watch = pending(&new_image(20_000), permanent);
        assert_eq!(ask(&mut watch, &erase(None)), DONE);
        assert_eq!(next(&mut watch), SwapType::None);
        watch.settle();
        assert!(is_blank(&watch));
    }
    let mut watch = on_trial();
    assert_eq!(ask(&mut watch, &erase(None)), err(1, 9));
    assert_eq!(ask(&mut watch, &packet(WRITE1, 1, 5, &[0xA0])), rc(6));
    assert_eq!(watch.world.board.operations(), 0);
    assert_eq!(next(&mut watch), SwapType::Revert);
}

#[test]
fn flagged_slot_with_a_damaged_header_can_be_erased_and_uploaded_to() {
    let mut watch = pending(&[0x55; 9000], false);
    assert_eq!(entries(&state_read(&mut watch)).len(), 1);
    assert_eq!(ask(&mut watch, &erase(None)), DONE);
    watch.settle();
    assert!(is_blank(&watch));
    let image = new_image(9000);
    let mut watch = pending(&[0x55; 9000], true);
    assert_eq!(upload_all(&mut watch, &image, 700), done(9000));
}

// failure case 35
#[test]
fn case_35_erase_ends_the_upload_in_progress() {
    let mut watch = Watch::running();
    let image = new_image(30_000);
    let first = upload(&first_fields(&image, 200));
    ask(&mut watch, &first);
    ask(&mut watch, &upload(&chunk_fields(&image, 200, 3000)));
    assert_eq!(ask(&mut watch, &erase(None)), DONE);
    let chunk = upload(&chunk_fields(&image, 3200, 1000));
    assert_eq!(ask(&mut watch, &chunk), off(0));
    assert_eq!(ask(&mut watch, &first), off(200), "no stale offset");
    watch.settle();
    assert_eq!(upload_all(&mut watch, &image, 2000), done(30_000));
    assert_slot_holds(&watch, &image);
    assert_rules_kept(&watch);
}

#[test]
fn upload_may_begin_while_the_slot_is_still_being_erased() {
    // Chips that finish an erase at once, and chips that have to be asked again.
    for again in [0, 2] {
        for steps in 0..12 {
            let mut watch = loaded(&new_image(60_000));
            watch.world.board.chips[1].set_erase_again(again);
            assert_eq!(ask(&mut watch, &erase(None)), DONE);
            for _ in 0..steps {
                watch.idle_step();
            }
            let image = smpkit_sim::image::build_sized(version(3, 0, 0, 0), 3, 30_000);
            assert_eq!(upload_all(&mut watch, &image, 2000), done(30_000));
            assert_slot_holds(&watch, &image);
            assert_rules_kept(&watch);
        }
    }
}

#[test]
fn erase_after_trailer_and_header_in_that_order() {
    let mut watch = pending(&new_image(60_000), false);
    watch.world.board.chips[1].clear();
    ask(&mut watch, &erase(None));
    let log = watch.world.board.chips[1].log();
    let erased: Vec<u32> = log.iter().map(|op| op.offset).collect();
    assert_eq!(erased, [SECONDARY.offset + 0x73000, SECONDARY.offset]);
    assert!(log.iter().all(|op| op.kind == OpKind::Erase));
}

#[test]
fn erase_that_fails_is_an_error_and_the_next_one_works() {
    for (fault, name) in [(Fault::Erase(0), "error"), (Fault::LostErase(0), "lost")] {
        let mut watch = pending(&new_image(60_000), false);
        watch.world.board.chips[1].inject(fault);
        assert_eq!(ask(&mut watch, &erase(None)), err(1, 13), "{name}");
        assert_eq!(ask(&mut watch, &erase(None)), DONE, "{name}");
        watch.settle();
        assert!(is_blank(&watch), "{name}");
    }
}

#[test]
fn slot_info_tells_sizes_and_where_uploads_go() {
    for payload in [&[][..], &[0xA0], &[0xBF, 0xFF]] {
        let mut watch = Watch::running();
        let reply = watch.request(&packet(READ2, 1, 6, payload)).unwrap();
        assert_well_formed(&packet(READ2, 1, 6, payload), &reply);
        let mut cbor = minicbor::Decoder::new(&reply[8..]);
        let mut expect = |key: &str, value: Option<u32>| {
            while matches!(
                cbor.datatype(),
                Ok(minicbor::data::Type::MapIndef
                    | minicbor::data::Type::ArrayIndef
                    | minicbor::data::Type::Break)
            ) {
                cbor.set_position(cbor.position() + 1);
            }
            assert_eq!(cbor.str().unwrap(), key);
            if let Some(value) = value {
                assert_eq!(cbor.u32().unwrap(), value, "{key}");
            }
        };
        expect("images", None);
        expect("image", Some(0));
        expect("slots", None);
        expect("slot", Some(0));
        expect("size", Some(0x74000));
        expect("slot", Some(1));
        expect("size", Some(0x74000));
        expect("upload_image_id", Some(0));
        expect("max_image_size", Some(LIMIT));
    }
}
