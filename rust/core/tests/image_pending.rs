//! Scheduling an image: exact bytes, order of writes, power cuts, damaged trailers, bad flash.

use smpkit_core::flash::layout::{find, ID_SECONDARY, PINETIME};
use smpkit_core::flash::{Area, Device, Geometry};
use smpkit_core::image::{Bootloader, Slots, SwapType, Trailer, Version};
use smpkit_core::Error;
use smpkit_sim::image::build_sized;
use smpkit_sim::{Board, Cut, Fault, Nor, OpKind, Random};

const MAGIC: [u8; 16] = [
    0x77, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F, 0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80,
];
/// Ends far below the trailer sector.
const SMALL: usize = 9_000;
/// Shares the trailer sector.
const LARGEST: usize = 474_704;

fn secondary() -> Area {
    find(&PINETIME, ID_SECONDARY).unwrap()
}

fn slots(board: &Board, max_align: u8) -> Slots {
    Slots::new(board, &PINETIME, max_align, Bootloader::V1_5_0).unwrap()
}

fn image(size: usize) -> Vec<u8> {
    build_sized(Version::default(), 42, size)
}

fn staged(mut board: Board, size: usize) -> (Board, Slots) {
    board.load(&secondary(), &image(size));
    let max_align = board.chips[1].geometry().write_unit.max(8) as u8;
    let slots = slots(&board, max_align);
    (board, slots)
}

fn put(board: &mut Board, offset: usize, bytes: &[u8]) {
    let cells = board.bytes_mut(&secondary());
    let at = cells.len() - offset;
    cells[at..at + bytes.len()].copy_from_slice(bytes);
}

fn asked(permanent: bool) -> SwapType {
    match permanent {
        true => SwapType::Perm,
        false => SwapType::Test,
    }
}

/// The whole slot as MCUboot would leave it: fields at `[ok, info, magic]`, else erased.
fn expected(size: usize, permanent: bool, offsets: [usize; 3], magic: &[u8; 16]) -> Vec<u8> {
    let mut slot = image(size);
    slot.resize(475_136, 0xFF);
    let end = slot.len();
    if permanent {
        slot[end - offsets[0]] = 1;
    }
    slot[end - offsets[1]] = if permanent { 3 } else { 2 };
    slot[end - offsets[2]..][..16].copy_from_slice(magic);
    slot
}

fn assert_scheduled(board: &mut Board, slots: &Slots, size: usize, permanent: bool, why: &str) {
    assert_eq!(slots.swap_type(board), asked(permanent), "{why}");
    let wanted = expected(size, permanent, [24, 40, 16], &MAGIC);
    let same = board.bytes(&secondary()) == wanted;
    assert!(same, "{why}: slot differs from what MCUboot writes");
    assert!(
        board.violations().is_empty(),
        "{why}: {:?}",
        board.violations()
    );
}

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

fn all_cuts() -> Vec<Cut> {
    let mut cuts: Vec<Cut> = (0..=16).map(Cut::Bytes).collect();
    cuts.extend(Cut::ALL);
    cuts
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

// failure case 7
#[test]
fn case_07_stuck_bits_in_the_trailer_are_noticed() {
    let offsets = (1..=16).chain([24, 32, 40]);
    let mut refused = 0;
    for offset in offsets {
        for bit in 0..8 {
            for (zeros, ones) in [(1 << bit, 0), (0, 1 << bit)] {
                for permanent in [false, true] {
                    let (mut board, slots) = staged(Board::pinetime(), SMALL);
                    board.chips[1].stick(0xB4000 - offset, zeros, ones);
                    let result = slots.set_pending(&mut board, permanent);
                    let why = format!("-{offset} bit {bit} permanent {permanent}");
                    let next = slots.swap_type(&mut board);
                    match result {
                        Ok(()) => assert_eq!(next, asked(permanent), "{why}"),
                        Err(error) => {
                            refused += 1;
                            assert_eq!(error, Error::FLASH, "{why}");
                            assert_eq!(next, SwapType::None, "{why}");
                        }
                    }
                    assert!(board.chips[1].counters().erases <= 1, "{why}");
                    let wanted = expected(SMALL, permanent, [24, 40, 16], &MAGIC);
                    let want = wanted[wanted.len() - offset as usize];
                    let harmless = want & zeros == 0 && !want & ones == 0;
                    assert_eq!(result.is_ok(), harmless, "{why}");
                }
            }
        }
    }
    // Half of all stuck bits have the wrong level.
    assert_eq!(refused, 19 * 8 * 2);
}

// failure case 7
#[test]
fn case_07_lost_writes_and_erases_are_noticed() {
    for n in 0..3 {
        let (mut board, slots) = staged(Board::pinetime(), SMALL);
        board.chips[1].inject(Fault::LostWrite(n));
        assert_eq!(slots.set_pending(&mut board, true), Err(Error::FLASH));
        assert_eq!(slots.swap_type(&mut board), SwapType::None);
    }
    let (mut board, slots) = staged(Board::pinetime(), SMALL);
    put(&mut board, 16, &[0; 16]);
    board.chips[1].inject(Fault::LostErase(0));
    assert_eq!(slots.set_pending(&mut board, true), Err(Error::FLASH));
    assert_eq!(board.chips[1].counters().writes, 0);
}

// failure case 25
#[test]
fn case_25_every_failing_call_is_passed_up_and_leaves_no_partial_trailer() {
    type Plan = fn(u32) -> Fault;
    let plans: [Plan; 4] = [Fault::Read, Fault::Write, Fault::Erase, Fault::Garble];
    for (kind, plan) in plans.into_iter().enumerate() {
        for damaged in [false, true] {
            for permanent in [false, true] {
                for n in 0.. {
                    let (mut board, slots) = staged(Board::pinetime(), SMALL);
                    if damaged {
                        put(&mut board, 16, &[0; 16]);
                    }
                    board.chips[1].inject(plan(n));
                    let result = slots.set_pending(&mut board, permanent);
                    board.chips[1].heal();
                    let cells = board.bytes(&secondary());
                    let complete = cells[cells.len() - 16..] == MAGIC;
                    let next = slots.swap_type(&mut board);
                    let why = format!("kind {kind} call {n} damaged {damaged} {permanent}");
                    let wanted = if complete {
                        asked(permanent)
                    } else {
                        SwapType::None
                    };
                    assert_eq!(next, wanted, "{why}");
                    assert!(complete || result.is_err(), "{why}");
                    if kind < 3 && result.is_err() {
                        assert_eq!(result, Err(Error::FLASH), "{why}");
                    }
                    if n > 60 {
                        assert_eq!(result, Ok(()), "{why}");
                        break;
                    }
                    // Garbage can make a cell look erased; only the read-back tells.
                    board.chips[1].clear();
                    let retry = slots.set_pending(&mut board, permanent);
                    assert_eq!(retry, Ok(()), "{why}");
                    assert_scheduled(&mut board, &slots, SMALL, permanent, &why);
                }
            }
        }
    }
}

// failure case 1
#[test]
fn case_01_random_cuts_and_changes_of_mind() {
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let size = *random.pick(&[SMALL, 0x73000]);
        let (mut board, slots) = staged(Board::pinetime(), size);
        for _ in 0..random.below(6) {
            board.cut_after(random.below(4), *random.pick(&all_cuts()));
            let permanent = random.one_in(2);
            let before = slots.swap_type(&mut board);
            let _ = slots.set_pending(&mut board, permanent);
            board.power_on();
            let next = slots.swap_type(&mut board);
            let allowed = [SwapType::None, asked(permanent), before];
            assert!(allowed.contains(&next), "seed {seed}");
        }
        let permanent = random.one_in(2);
        let why = format!("seed {seed}");
        assert_eq!(slots.set_pending(&mut board, permanent), Ok(()), "{why}");
        assert_scheduled(&mut board, &slots, size, permanent, &why);
    }
}

// failure case 40
#[test]
fn case_40_repair_erases_the_trailer_sector_once() {
    let (mut board, slots) = staged(Board::pinetime(), SMALL);
    for round in 1..=5 {
        put(&mut board, 16, &[0; 16]);
        assert_eq!(slots.set_pending(&mut board, round % 2 == 0), Ok(()));
        let wear = board.chips[1].wear();
        assert_eq!(wear[0xB3], round);
        assert_eq!(wear.iter().sum::<u32>(), round);
    }
}
