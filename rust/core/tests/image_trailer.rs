//! Where the fields of a trailer are, how they are read, and what the bootloader makes of them.

use smpkit_core::flash::layout::{find, ID_PRIMARY, ID_SECONDARY, PINETIME};
use smpkit_core::flash::Area;
use smpkit_core::image::{swap_type, Bootloader, Flag, Magic, Slots, SwapState, SwapType, Trailer};
use smpkit_core::Error;
use smpkit_sim::{Board, Fault, Nor, OpKind};

const MAGIC: [u8; 16] = [
    0x77, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F, 0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80,
];
const BOTH: [Bootloader; 2] = [Bootloader::V1_5_0, Bootloader::Current];

fn primary() -> Area {
    find(&PINETIME, ID_PRIMARY).unwrap()
}

fn secondary() -> Area {
    find(&PINETIME, ID_SECONDARY).unwrap()
}

#[test]
fn fields_are_where_mcuboot_has_them() {
    for (max_align, offsets) in [
        (8, [16, 24, 32, 40, 48]),
        (16, [16, 32, 48, 64, 80]),
        (32, [16, 64, 96, 128, 160]),
    ] {
        let trailer = Trailer { max_align };
        let found = [
            trailer.magic_offset(),
            trailer.image_ok_offset(),
            trailer.copy_done_offset(),
            trailer.swap_info_offset(),
            trailer.swap_size_offset(),
        ];
        assert_eq!(found, offsets, "max align {max_align}");
    }
}

#[test]
fn magic_depends_on_the_field_size() {
    assert_eq!(Trailer { max_align: 8 }.magic_bytes(), MAGIC);
    let tail = [
        0x2D, 0xE1, 0x5D, 0x29, 0x41, 0x0B, 0x8D, 0x77, 0x67, 0x9C, 0x11, 0x0F, 0x1F, 0x8A,
    ];
    for max_align in [16, 32] {
        let magic = Trailer { max_align }.magic_bytes();
        assert_eq!(magic[..2], [max_align, 0]);
        assert_eq!(magic[2..], tail);
    }
}

/// Read a state with `bytes` at their offsets from the end of the secondary.
fn state_of(bytes: &[(usize, u8)], magic: &[u8]) -> SwapState {
    let mut board = Board::pinetime();
    let cells = board.bytes_mut(&secondary());
    let size = cells.len();
    cells[size - 16..][..magic.len()].copy_from_slice(magic);
    for (offset, byte) in bytes {
        cells[size - offset] = *byte;
    }
    let trailer = Trailer { max_align: 8 };
    trailer.read_state(&mut board, &secondary()).unwrap()
}

#[test]
fn magic_is_good_bad_or_unset() {
    assert_eq!(state_of(&[], &[]), SwapState::UNSET);
    assert_eq!(state_of(&[], &MAGIC).magic, Magic::Good);
    for len in 1..16 {
        assert_eq!(state_of(&[], &MAGIC[..len]).magic, Magic::Bad);
    }
    for bit in 0..128 {
        let mut magic = MAGIC;
        magic[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(state_of(&[], &magic).magic, Magic::Bad);
    }
    let foreign = Trailer { max_align: 16 }.magic_bytes();
    assert_eq!(state_of(&[], &foreign).magic, Magic::Bad);
}

#[test]
fn flags_are_set_only_by_1() {
    for byte in 0..=255 {
        let expected = match byte {
            1 => Flag::Set,
            0xFF => Flag::Unset,
            _ => Flag::Bad,
        };
        let state = state_of(&[(24, byte)], &[]);
        assert_eq!((state.image_ok, state.copy_done), (expected, Flag::Unset));
        let state = state_of(&[(32, byte)], &[]);
        assert_eq!((state.image_ok, state.copy_done), (Flag::Unset, expected));
    }
}

#[test]
fn swap_info_holds_type_and_image() {
    for (byte, swap_type, image_num) in [
        (0xFF, 1, 0),
        (0x02, 2, 0),
        (0x03, 3, 0),
        (0x04, 4, 0),
        (0x12, 2, 1),
        (0xF3, 3, 15),
        (0x05, 1, 0),
        (0x2F, 1, 0),
    ] {
        let state = state_of(&[(40, byte)], &[]);
        let found = (state.swap_type, state.image_num);
        assert_eq!(found, (swap_type, image_num), "{byte:02x}");
    }
}

#[test]
fn state_is_read_in_the_order_of_mcuboot() {
    // Magic, swap_info, copy_done, image_ok: a fault at each of them ends the reading.
    for n in 0..5 {
        let mut board = Board::pinetime();
        board.chips[1].inject(Fault::Read(n));
        let trailer = Trailer { max_align: 8 };
        let result = trailer.read_state(&mut board, &secondary());
        assert_eq!(result.is_err(), n < 4);
        if n < 4 {
            assert_eq!(result, Err(Error::FLASH));
            assert_eq!(board.chips[1].counters().reads, n + 1);
        }
    }
    let mut board = Board::pinetime();
    let trailer = Trailer { max_align: 8 };
    trailer.read_state(&mut board, &secondary()).unwrap();
    assert_eq!(board.chips[1].counters().read_bytes, 19);
}

const MAGICS: [Magic; 3] = [Magic::Good, Magic::Bad, Magic::Unset];
const FLAGS: [Flag; 3] = [Flag::Set, Flag::Bad, Flag::Unset];

fn state(magic: Magic, image_ok: Flag, copy_done: Flag) -> SwapState {
    SwapState {
        magic,
        image_ok,
        copy_done,
        ..SwapState::UNSET
    }
}

/// Every pair of states: 27 of the primary, 9 of the secondary.
fn all_pairs() -> Vec<(SwapState, SwapState)> {
    let mut pairs = Vec::new();
    for (one, ok, done) in triples() {
        for two in MAGICS {
            for two_ok in FLAGS {
                pairs.push((state(one, ok, done), state(two, two_ok, Flag::Unset)));
            }
        }
    }
    pairs
}

fn triples() -> Vec<(Magic, Flag, Flag)> {
    let mut all = Vec::new();
    for magic in MAGICS {
        for ok in FLAGS {
            all.extend(FLAGS.map(|done| (magic, ok, done)));
        }
    }
    all
}

// failure case 4
#[test]
fn case_04_all_243_states_decide_as_in_mcuboot() {
    for (bootloader, reverts) in [(Bootloader::V1_5_0, 3), (Bootloader::Current, 7)] {
        let pairs = all_pairs();
        assert_eq!(pairs.len(), 243);
        let decide = |(one, two): &(SwapState, SwapState)| swap_type(one, two, bootloader);
        let count = |kind| pairs.iter().filter(|pair| decide(pair) == kind).count();
        assert_eq!(count(SwapType::Test), 27);
        assert_eq!(count(SwapType::Perm), 27);
        assert_eq!(count(SwapType::Revert), reverts, "{bootloader:?}");
        assert_eq!(count(SwapType::None), 243 - 54 - reverts);
        assert_eq!(count(SwapType::Fail) + count(SwapType::Panic), 0);
    }
}

// failure case 4
#[test]
fn case_04_each_row_of_the_decision_table() {
    for (one, ok, done) in triples() {
        let on_trial = (one, ok, done) == (Magic::Good, Flag::Unset, Flag::Set);
        for (two, two_ok, old, new) in [
            (Magic::Good, Flag::Unset, SwapType::Test, SwapType::Test),
            (Magic::Good, Flag::Set, SwapType::Perm, SwapType::Perm),
            (Magic::Good, Flag::Bad, SwapType::None, SwapType::Revert),
            (Magic::Bad, Flag::Unset, SwapType::None, SwapType::Revert),
            (Magic::Bad, Flag::Set, SwapType::None, SwapType::Revert),
            (Magic::Bad, Flag::Bad, SwapType::None, SwapType::Revert),
            (
                Magic::Unset,
                Flag::Unset,
                SwapType::Revert,
                SwapType::Revert,
            ),
            (Magic::Unset, Flag::Set, SwapType::Revert, SwapType::Revert),
            (Magic::Unset, Flag::Bad, SwapType::Revert, SwapType::Revert),
        ] {
            for (bootloader, expected) in [(BOTH[0], old), (BOTH[1], new)] {
                let expected = match expected {
                    SwapType::Revert if !on_trial => SwapType::None,
                    other => other,
                };
                let primary = state(one, ok, done);
                let secondary = state(two, two_ok, Flag::Unset);
                let found = swap_type(&primary, &secondary, bootloader);
                assert_eq!(found, expected, "{primary:?} {secondary:?} {bootloader:?}");
            }
        }
    }
}

// failure case 4
#[test]
fn case_04_swap_info_and_copy_done_of_the_secondary_do_not_count() {
    for (primary, secondary) in all_pairs() {
        for bootloader in BOTH {
            let expected = swap_type(&primary, &secondary, bootloader);
            for copy_done in FLAGS {
                let mut one = primary;
                let mut two = secondary;
                (one.swap_type, two.swap_type) = (4, 3);
                two.copy_done = copy_done;
                assert_eq!(swap_type(&one, &two, bootloader), expected);
            }
        }
    }
}

fn slots(board: &Board, bootloader: Bootloader) -> Slots {
    Slots::new(board, &PINETIME, 8, bootloader).unwrap()
}

fn put(board: &mut Board, area: &Area, offset: usize, bytes: &[u8]) {
    let cells = board.bytes_mut(area);
    let at = cells.len() - offset;
    cells[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A primary on trial.
fn on_trial() -> Board {
    let mut board = Board::pinetime();
    put(&mut board, &primary(), 16, &MAGIC);
    put(&mut board, &primary(), 32, &[1]);
    put(&mut board, &primary(), 40, &[2]);
    board
}

// failure case 27
#[test]
fn case_27_unreadable_slots() {
    for bootloader in BOTH {
        let mut board = on_trial();
        let slots = slots(&board, bootloader);
        assert_eq!(slots.swap_type(&mut board), SwapType::Revert);
        for n in 0..4 {
            board.chips[0].inject(Fault::Read(n));
            assert_eq!(slots.swap_type(&mut board), SwapType::Panic);
        }
        // The secondary: an old bootloader cannot go on, a current one takes it for empty.
        board.chips[1].set_unreadable(true);
        let expected = match bootloader {
            Bootloader::V1_5_0 => SwapType::Panic,
            Bootloader::Current => SwapType::Revert,
        };
        assert_eq!(slots.swap_type(&mut board), expected);
        put(&mut board, &primary(), 24, &[1]);
        let expected = match bootloader {
            Bootloader::V1_5_0 => SwapType::Panic,
            Bootloader::Current => SwapType::None,
        };
        assert_eq!(slots.swap_type(&mut board), expected);
    }
}

#[test]
fn swap_type_reads_and_writes_nothing() {
    let mut board = on_trial();
    put(&mut board, &secondary(), 16, &MAGIC);
    let slots = slots(&board, Bootloader::V1_5_0);
    assert_eq!(slots.swap_type(&mut board), SwapType::Test);
    put(&mut board, &secondary(), 24, &[1]);
    assert_eq!(slots.swap_type(&mut board), SwapType::Perm);
    put(&mut board, &secondary(), 24, &[0]);
    assert_eq!(slots.swap_type(&mut board), SwapType::None);
    assert_eq!(board.operations(), 0);
}

// failure case 8
#[test]
fn case_08_stale_trailer_is_erased_before_anything_else() {
    for ok in [0xFF, 0x01, 0x00] {
        let mut board = Board::pinetime();
        board.load(&secondary(), &[0x11; 0x72000]);
        put(&mut board, &secondary(), 16, &MAGIC);
        put(&mut board, &secondary(), 24, &[ok]);
        let before = board.bytes(&secondary()).to_vec();
        let slots = slots(&board, Bootloader::V1_5_0);
        assert_eq!(slots.erase_trailer(&mut board), Ok(()));
        assert_eq!(slots.swap_type(&mut board), SwapType::None);
        let after = board.bytes(&secondary());
        assert_eq!(after[..0x73000], before[..0x73000]);
        assert!(after[0x73000..].iter().all(|byte| *byte == 0xFF));
        let log = board.chips[1].log().to_vec();
        assert_eq!(log.len(), 1);
        assert_eq!(
            (log[0].kind, log[0].offset, log[0].len),
            (OpKind::Erase, 0xB3000, 4096)
        );
        // Erased already: no wear.
        assert_eq!(slots.erase_trailer(&mut board), Ok(()));
        assert_eq!(board.operations(), 1);
    }
}

/// Write unit 32: the trailer of 12448 bytes touches four sectors.
fn wide() -> (Board, Slots) {
    let board = Board::with_write_units(32, 32);
    let slots = Slots::new(&board, &PINETIME, 32, Bootloader::Current).unwrap();
    (board, slots)
}

#[test]
fn long_trailer_is_erased_one_sector_per_call_from_the_end() {
    let (mut board, slots) = wide();
    assert_eq!(slots.trailer_sector_start(), 0x70000);
    board.bytes_mut(&secondary()).fill(0);
    for _ in 0..3 {
        assert_eq!(slots.erase_trailer(&mut board), Err(Error::AGAIN));
    }
    assert_eq!(slots.erase_trailer(&mut board), Ok(()));
    let erased: Vec<u32> = board.chips[1].log().iter().map(|op| op.offset).collect();
    assert_eq!(erased, [0xB3000, 0xB2000, 0xB1000, 0xB0000]);
    let cells = board.bytes(&secondary());
    assert!(cells[..0x70000].iter().all(|byte| *byte == 0));
    assert!(cells[0x70000..].iter().all(|byte| *byte == 0xFF));
}

#[test]
fn blank_sectors_of_a_long_trailer_are_skipped() {
    let (mut board, slots) = wide();
    board.bytes_mut(&secondary())[0x71FFF] = 0xFE;
    assert_eq!(slots.erase_trailer(&mut board), Err(Error::AGAIN));
    assert_eq!(slots.erase_trailer(&mut board), Ok(()));
    let erased: Vec<u32> = board.chips[1].log().iter().map(|op| op.offset).collect();
    assert_eq!(erased, [0xB1000]);
}

#[test]
fn slow_erase_of_the_chip_is_waited_for() {
    let (mut board, slots) = wide();
    board.bytes_mut(&secondary()).fill(0);
    board.chips[1].set_erase_again(3);
    let mut calls = 1;
    while slots.erase_trailer(&mut board) == Err(Error::AGAIN) {
        calls += 1;
        assert!(calls < 100);
    }
    assert_eq!(calls, 4 * 4);
    assert_eq!(slots.erase_trailer(&mut board), Ok(()));
    assert_eq!(board.operations(), 4);
    assert!(board.violations().is_empty());
}

// failure case 7
#[test]
fn case_07_erase_that_leaves_bits_is_an_error_and_not_repeated() {
    let mut board = Board::pinetime();
    put(&mut board, &secondary(), 16, &MAGIC);
    board.chips[1].stick(0xB3123, 0x10, 0);
    let slots = slots(&board, Bootloader::V1_5_0);
    assert_eq!(slots.erase_trailer(&mut board), Err(Error::FLASH));
    assert_eq!(board.operations(), 1);
    let mut board = Board::pinetime();
    put(&mut board, &secondary(), 16, &MAGIC);
    board.chips[1].inject(Fault::LostErase(0));
    assert_eq!(slots.erase_trailer(&mut board), Err(Error::FLASH));
    assert_eq!(slots.erase_trailer(&mut board), Ok(()));
}

// failure case 25
#[test]
fn case_25_errors_of_erase_trailer_are_passed_up() {
    let mut board = Board::pinetime();
    put(&mut board, &secondary(), 16, &MAGIC);
    let slots = slots(&board, Bootloader::V1_5_0);
    board.chips[1].inject(Fault::Erase(0));
    assert_eq!(slots.erase_trailer(&mut board), Err(Error::FLASH));
    board.chips[1].inject(Fault::Read(5));
    assert_eq!(slots.erase_trailer(&mut board), Err(Error::FLASH));
    assert_eq!(board.operations(), 0);
    assert_eq!(slots.erase_trailer(&mut board), Ok(()));
}

#[test]
fn devices_that_erase_to_zero_are_read_the_same_way() {
    let mut geometry = smpkit_core::flash::Device::geometry(&Nor::uniform(0x1000, 0x1000, 1));
    geometry.erased = 0;
    let mut board = Board::new(vec![Nor::new(geometry)]);
    let area = Area::new(2, 0, 0, 0x1000);
    let trailer = Trailer { max_align: 8 };
    assert_eq!(trailer.read_state(&mut board, &area), Ok(SwapState::UNSET));
    put(&mut board, &area, 16, &MAGIC);
    put(&mut board, &area, 24, &[1]);
    put(&mut board, &area, 32, &[0xFF]);
    let found = trailer.read_state(&mut board, &area).unwrap();
    assert_eq!(found.magic, Magic::Good);
    assert_eq!((found.image_ok, found.copy_done), (Flag::Set, Flag::Bad));
}
