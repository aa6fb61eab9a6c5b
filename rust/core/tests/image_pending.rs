//! Scheduling an image: exact bytes, order of writes, power cuts, damaged trailers.

mod image_support;

use image_support::*;
use smpkit_core::flash::layout::{find, ID_SECONDARY};
use smpkit_core::flash::{Device, Geometry};
use smpkit_core::image::{Bootloader, Slots, SwapType, Trailer};
use smpkit_core::Error;
use smpkit_sim::{Board, Nor, OpKind};

#[test]
fn trailer_bytes_and_their_order() {
    for permanent in [false, true] {
        let (mut board, slots) = staged(Board::pinetime(), SMALL);
        assert_eq!(slots.set_pending(&mut board, permanent), Ok(()));
        assert_scheduled(&mut board, &slots, SMALL, permanent, "fresh");
        let log = board.chips[1].log();
        let writes: Vec<_> = log.iter().map(|op| (op.kind, op.offset, op.len)).collect();
        let mut wanted = vec![(OpKind::Write, 0xB3FD8, 1), (OpKind::Write, 0xB3FF0, 16)];
        if permanent {
            wanted.insert(0, (OpKind::Write, 0xB3FE8, 1));
        }
        assert_eq!(writes, wanted);
        assert!(board.chips[0].log().is_empty());
    }
}

#[test]
fn scheduling_twice_writes_once() {
    for permanent in [false, true] {
        let (mut board, slots) = staged(Board::pinetime(), SMALL);
        assert_eq!(slots.set_pending(&mut board, permanent), Ok(()));
        let before = board.operations();
        assert_eq!(slots.set_pending(&mut board, permanent), Ok(()));
        assert_eq!(board.operations(), before);
    }
    // A trailer with nothing but the magic is a test; it is complete for MCUboot.
    let (mut board, slots) = staged(Board::pinetime(), SMALL);
    put(&mut board, 16, &MAGIC);
    assert_eq!(slots.set_pending(&mut board, false), Ok(()));
    assert_eq!(board.operations(), 0);
}

// failure case 13
#[test]
fn case_13_fields_are_padded_to_every_write_unit() {
    let offsets = |max_align| match max_align {
        8 => [24, 40, 16],
        16 => [32, 64, 16],
        _ => [64, 128, 16],
    };
    let pairs = [
        (1, 8),
        (2, 8),
        (4, 8),
        (8, 8),
        (1, 16),
        (8, 16),
        (16, 16),
        (4, 32),
        (32, 32),
    ];
    for (unit, max_align) in pairs {
        for permanent in [false, true] {
            let mut board = Board::with_write_units(unit, unit);
            board.load(&secondary(), &image(SMALL));
            let slots = slots(&board, max_align);
            assert_eq!(slots.set_pending(&mut board, permanent), Ok(()));
            let magic = Trailer { max_align }.magic_bytes();
            let wanted = expected(SMALL, permanent, offsets(max_align), &magic);
            assert!(
                board.bytes(&secondary()) == wanted,
                "unit {unit}, max align {max_align}"
            );
            assert_eq!(slots.swap_type(&mut board), asked(permanent));
            assert!(board.violations().is_empty());
            let log = board.chips[1].log();
            assert!(log
                .iter()
                .all(|op| op.offset % unit == 0 && op.len % unit == 0));
            assert_eq!(log.len(), if permanent { 3 } else { 2 });
        }
    }
}

#[test]
fn chips_that_erase_to_zero_get_the_same_fields() {
    let geometry = Geometry {
        erased: 0,
        ..Nor::nrf52().geometry()
    };
    let areas = smpkit_core::flash::layout::TWO_INTERNAL;
    let slot = find(&areas, ID_SECONDARY).unwrap();
    for permanent in [false, true] {
        let mut board = Board::new(vec![Nor::new(geometry)]);
        board.load(&slot, &image(SMALL));
        let slots = Slots::new(&board, &areas, 8, Bootloader::Current).unwrap();
        assert_eq!(slots.set_pending(&mut board, permanent), Ok(()));
        assert_eq!(slots.swap_type(&mut board), asked(permanent));
        let cells = board.bytes(&slot);
        let tail = &cells[cells.len() - 48..];
        assert_eq!(tail[32..], MAGIC);
        assert_eq!(tail[24], permanent as u8);
        assert_eq!(tail[8], if permanent { 3 } else { 2 });
        assert_eq!(
            tail.iter().filter(|byte| **byte != 0).count(),
            17 + permanent as usize
        );
        // The other way round needs an erase here too.
        assert_eq!(slots.set_pending(&mut board, !permanent), Ok(()));
        assert_eq!(slots.swap_type(&mut board), asked(!permanent));
        assert!(board.violations().is_empty());
    }
}

/// Cut everywhere; returns the number of cut points.
fn sweep(start: &Board, slots: &Slots, size: usize, permanent: bool, retry: bool) -> u32 {
    let mut points = 0;
    for operation in 0.. {
        for cut in all_cuts() {
            let mut board = start.clone();
            board.cut_after(operation, cut);
            let result = slots.set_pending(&mut board, permanent);
            if board.is_on() {
                assert_eq!(result, Ok(()));
                return points;
            }
            points += 1;
            let why = format!("{cut:?} at operation {operation}, permanent {permanent}");
            assert!(result.is_err(), "{why}");
            board.power_on();
            let cells = board.bytes(&secondary());
            let complete = cells[cells.len() - 16..] == MAGIC;
            let next = match complete {
                true => asked(permanent),
                false => SwapType::None,
            };
            assert_eq!(slots.swap_type(&mut board), next, "{why}");
            assert!(
                board.bytes(&secondary())[..size] == image(size),
                "{why}: image"
            );
            if retry {
                assert_eq!(slots.set_pending(&mut board, permanent), Ok(()), "{why}");
                assert_scheduled(&mut board, slots, size, permanent, &why);
            }
        }
    }
    unreachable!()
}

// failure case 1
#[test]
fn case_01_cut_at_every_byte_schedules_nothing_and_a_retry_works() {
    for permanent in [false, true] {
        for size in [SMALL, LARGEST] {
            let (board, slots) = staged(Board::pinetime(), size);
            let points = sweep(&board, &slots, size, permanent, true);
            assert_eq!(points, if permanent { 60 } else { 40 });
        }
    }
}

// failure case 1
#[test]
fn case_01_cut_with_larger_write_units() {
    for unit in [4, 8] {
        for permanent in [false, true] {
            let (board, slots) = staged(Board::with_write_units(unit, unit), SMALL);
            sweep(&board, &slots, SMALL, permanent, true);
        }
    }
    // No erase may touch the shared sector: a torn magic stays, and nothing is scheduled.
    let (board, slots) = staged(Board::with_write_units(8, 8), 472_016);
    sweep(&board, &slots, 472_016, true, false);
}

// failure case 1
#[test]
fn case_01_cut_during_a_repair() {
    for permanent in [false, true] {
        let (mut board, slots) = staged(Board::pinetime(), SMALL);
        put(&mut board, 16, &MAGIC);
        put(&mut board, 16, &[0]);
        put(&mut board, 24, &[permanent as u8 ^ 1]);
        sweep(&board, &slots, SMALL, permanent, true);
    }
}

// failure case 1
#[test]
fn case_01_interrupted_perm_does_not_become_test_or_the_other_way_round() {
    for permanent in [false, true] {
        for operation in 0..3 {
            for cut in all_cuts() {
                let (mut board, slots) = staged(Board::pinetime(), SMALL);
                board.cut_after(operation, cut);
                let _ = slots.set_pending(&mut board, permanent);
                board.power_on();
                let why = format!("{cut:?} at operation {operation}, first permanent {permanent}");
                assert_eq!(slots.set_pending(&mut board, !permanent), Ok(()), "{why}");
                assert_scheduled(&mut board, &slots, SMALL, !permanent, &why);
            }
        }
    }
}

// failure case 5
#[test]
fn case_05_other_permanence_rewrites_the_trailer_sector() {
    for permanent in [false, true] {
        let (mut board, slots) = staged(Board::pinetime(), SMALL);
        assert_eq!(slots.set_pending(&mut board, !permanent), Ok(()));
        board.chips[1].clear();
        assert_eq!(slots.set_pending(&mut board, permanent), Ok(()));
        assert_scheduled(&mut board, &slots, SMALL, permanent, "rewritten");
        assert_eq!(board.chips[1].counters().erases, 1);
        assert_eq!(board.chips[1].log()[0].offset, 0xB3000);
    }
}

// failure case 5
#[test]
fn case_05_nothing_changes_under_a_good_magic() {
    // Only the magic, as some uploaders leave it: image_ok could be programmed in place, but a
    // cut inside that byte would leave a trailer that neither tests nor reverts.
    let (mut board, slots) = staged(Board::pinetime(), SMALL);
    put(&mut board, 16, &MAGIC);
    assert_eq!(slots.set_pending(&mut board, true), Ok(()));
    assert_scheduled(&mut board, &slots, SMALL, true, "magic only");
    let first = board.chips[1].log()[0];
    assert_eq!((first.kind, first.offset), (OpKind::Erase, 0xB3000));
    let (mut board, slots) = staged(Board::pinetime(), LARGEST);
    put(&mut board, 16, &MAGIC);
    assert_eq!(slots.set_pending(&mut board, true), Err(Error::BADVECT));
    assert_eq!(board.operations(), 0);
}

// failure case 5
#[test]
fn case_05_shared_sector_is_not_rewritten() {
    // The last image that does not share the sector, and the first that does.
    for (size, result) in [(0x73000, Ok(())), (0x73001, Err(Error::BADVECT))] {
        let (mut board, slots) = staged(Board::pinetime(), size);
        assert_eq!(slots.set_pending(&mut board, false), Ok(()));
        let before = board.bytes(&secondary()).to_vec();
        assert_eq!(slots.set_pending(&mut board, true), result, "{size:#x}");
        let changed = board.bytes(&secondary()) != before;
        assert_eq!(changed, result.is_ok());
        let next = if result.is_ok() {
            SwapType::Perm
        } else {
            SwapType::Test
        };
        assert_eq!(slots.swap_type(&mut board), next);
    }
}

#[test]
fn trailer_of_a_slot_without_a_whole_image_is_not_rewritten() {
    for content in [&[0xFFu8; 64][..], &image(SMALL)[..5000]] {
        let mut board = Board::pinetime();
        board.load(&secondary(), content);
        let slots = slots(&board, 8);
        put(&mut board, 16, &[0; 16]);
        assert_eq!(slots.set_pending(&mut board, false), Err(Error::BADVECT));
        assert_eq!(board.operations(), 0);
    }
}

fn bad_magics() -> Vec<[u8; 16]> {
    let mut all = Vec::new();
    for len in 1..16 {
        let (mut head, mut tail) = ([0xFF; 16], [0xFF; 16]);
        head[..len].copy_from_slice(&MAGIC[..len]);
        tail[16 - len..].copy_from_slice(&MAGIC[16 - len..]);
        all.extend([head, tail]);
    }
    for bit in 0..128 {
        let mut magic = MAGIC;
        magic[bit / 8] ^= 1 << (bit % 8);
        all.push(magic);
    }
    all.push(Trailer { max_align: 16 }.magic_bytes());
    all.push(Trailer { max_align: 32 }.magic_bytes());
    all.push([0; 16]);
    all
}

// failure case 6
#[test]
fn case_06_damaged_magic_is_repaired() {
    for magic in bad_magics() {
        for permanent in [false, true] {
            for ok in [0xFF, 0x01, 0x33] {
                let (mut board, slots) = staged(Board::pinetime(), SMALL);
                put(&mut board, 16, &magic);
                put(&mut board, 24, &[ok]);
                let why = format!("{magic:02x?} ok {ok:02x} permanent {permanent}");
                assert_eq!(slots.swap_type(&mut board), SwapType::None);
                assert_eq!(slots.set_pending(&mut board, permanent), Ok(()), "{why}");
                assert_scheduled(&mut board, &slots, SMALL, permanent, &why);
                assert!(board.chips[1].counters().erases <= 1);
            }
        }
    }
}

// failure case 6
#[test]
fn case_06_damaged_magic_over_a_shared_sector_keeps_the_image() {
    let reachable = |magic: &[u8; 16]| magic.iter().zip(MAGIC).all(|(a, b)| a & b == b);
    for magic in bad_magics() {
        let (mut board, slots) = staged(Board::pinetime(), LARGEST);
        put(&mut board, 16, &magic);
        let result = slots.set_pending(&mut board, false);
        match reachable(&magic) {
            true => assert_eq!(result, Ok(())),
            false => assert_eq!(result, Err(Error::BADVECT)),
        }
        assert!(board.bytes(&secondary())[..LARGEST] == image(LARGEST));
        assert_eq!(board.chips[1].counters().erases, 0);
        let next = if result.is_ok() {
            SwapType::Test
        } else {
            SwapType::None
        };
        assert_eq!(slots.swap_type(&mut board), next);
    }
}

// failure case 6
#[test]
fn case_06_unit_with_check_bits_is_never_written_twice() {
    for unit in [2, 4, 8] {
        let (mut board, slots) = staged(Board::with_write_units(unit, unit), SMALL);
        put(&mut board, 16, &MAGIC[..5]);
        assert_eq!(slots.set_pending(&mut board, false), Ok(()));
        assert_scheduled(&mut board, &slots, SMALL, false, "torn magic");
        assert_eq!(board.chips[1].counters().erases, 1, "unit {unit}");
    }
    let (mut board, slots) = staged(Board::pinetime(), SMALL);
    put(&mut board, 16, &MAGIC[..5]);
    assert_eq!(slots.set_pending(&mut board, false), Ok(()));
    assert_eq!(board.chips[1].counters().erases, 0);
}

// failure case 6
#[test]
fn case_06_bad_image_ok_under_a_good_magic_is_repaired() {
    for ok in (0..=255u8).filter(|byte| ![0x01, 0xFF].contains(byte)) {
        for permanent in [false, true] {
            let (mut board, slots) = staged(Board::pinetime(), SMALL);
            put(&mut board, 16, &MAGIC);
            put(&mut board, 24, &[ok]);
            assert_eq!(slots.swap_type(&mut board), SwapType::None);
            assert_eq!(slots.set_pending(&mut board, permanent), Ok(()));
            assert_scheduled(&mut board, &slots, SMALL, permanent, "bad image_ok");
        }
    }
}

// failure case 9
#[test]
fn case_09_residue_does_not_change_what_was_asked() {
    let bytes = [0xFF, 0x01, 0x02, 0x03, 0x0F, 0x00];
    for (ok, done, info) in bytes
        .iter()
        .flat_map(|ok| bytes.iter().map(move |done| (ok, done)))
        .flat_map(|(ok, done)| bytes.iter().map(move |info| (ok, done, info)))
    {
        for permanent in [false, true] {
            let (mut board, slots) = staged(Board::pinetime(), SMALL);
            put(&mut board, 24, &[*ok]);
            put(&mut board, 32, &[*done]);
            put(&mut board, 40, &[*info]);
            let why = format!("{ok:02x} {done:02x} {info:02x} permanent {permanent}");
            assert_eq!(slots.set_pending(&mut board, permanent), Ok(()), "{why}");
            assert_scheduled(&mut board, &slots, SMALL, permanent, &why);
        }
    }
    // Where nothing can be erased the residue wins: refused rather than PERM.
    let (mut board, slots) = staged(Board::pinetime(), LARGEST);
    put(&mut board, 24, &[1]);
    assert_eq!(slots.set_pending(&mut board, false), Err(Error::BADVECT));
    assert_eq!(slots.swap_type(&mut board), SwapType::None);
}

#[test]
fn residue_in_the_padding_of_a_field_is_erased() {
    for unit in [4, 8] {
        let (mut board, slots) = staged(Board::with_write_units(unit, unit), SMALL);
        put(&mut board, 39, &[0]);
        assert_eq!(slots.set_pending(&mut board, false), Ok(()));
        assert_scheduled(&mut board, &slots, SMALL, false, "padding");
        assert_eq!(board.chips[1].counters().erases, 1);
    }
}

#[test]
fn slow_erase_is_passed_up_and_resumed() {
    let (mut board, slots) = staged(Board::pinetime(), SMALL);
    put(&mut board, 16, &[0; 16]);
    board.chips[1].set_erase_again(5);
    for _ in 0..5 {
        assert_eq!(slots.set_pending(&mut board, true), Err(Error::AGAIN));
        assert_eq!(board.operations(), 0);
    }
    assert_eq!(slots.set_pending(&mut board, true), Ok(()));
    assert_scheduled(&mut board, &slots, SMALL, true, "after waiting");
}
