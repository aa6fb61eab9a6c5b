//! An image staged in the secondary slot of a PineTime, and what MCUboot would write there.
#![allow(dead_code, reason = "each test file uses a part of it")]

use smpkit_core::flash::layout::{find, ID_SECONDARY, PINETIME};
use smpkit_core::flash::{Area, Device};
use smpkit_core::image::{Bootloader, Slots, SwapType, Version};
use smpkit_sim::image::build_sized;
use smpkit_sim::{Board, Cut};

pub const MAGIC: [u8; 16] = [
    0x77, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F, 0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80,
];
/// Ends far below the trailer sector.
pub const SMALL: usize = 9_000;
/// Shares the trailer sector.
pub const LARGEST: usize = 474_704;

pub fn secondary() -> Area {
    find(&PINETIME, ID_SECONDARY).unwrap()
}

pub fn slots(board: &Board, max_align: u8) -> Slots {
    Slots::new(board, &PINETIME, max_align, Bootloader::V1_5_0).unwrap()
}

pub fn image(size: usize) -> Vec<u8> {
    build_sized(Version::default(), 42, size)
}

pub fn staged(mut board: Board, size: usize) -> (Board, Slots) {
    board.load(&secondary(), &image(size));
    let max_align = board.chips[1].geometry().write_unit.max(8) as u8;
    let slots = slots(&board, max_align);
    (board, slots)
}

pub fn put(board: &mut Board, offset: usize, bytes: &[u8]) {
    let cells = board.bytes_mut(&secondary());
    let at = cells.len() - offset;
    cells[at..at + bytes.len()].copy_from_slice(bytes);
}

pub fn asked(permanent: bool) -> SwapType {
    match permanent {
        true => SwapType::Perm,
        false => SwapType::Test,
    }
}

/// The whole slot as MCUboot would leave it: fields at `[ok, info, magic]`, else erased.
pub fn expected(size: usize, permanent: bool, offsets: [usize; 3], magic: &[u8; 16]) -> Vec<u8> {
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

pub fn assert_scheduled(board: &mut Board, slots: &Slots, size: usize, permanent: bool, why: &str) {
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

pub fn all_cuts() -> Vec<Cut> {
    let mut cuts: Vec<Cut> = (0..=16).map(Cut::Bytes).collect();
    cuts.extend(Cut::ALL);
    cuts
}
