//! Boards of other shapes than a PineTime, and PineTimes in other states.

use super::{new_image, running_image, version, Setup, Watch, PRIMARY, SECONDARY};
use smpkit_core::flash::{layout, Area};
use smpkit_sim::{Board, Nor};

pub const MAGIC: [u8; 16] = [
    0x77, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F, 0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80,
];

/// A watch with two chips of these sectors and write units. Its slots are small.
pub fn shaped(sector: u32, unit: u32) -> Watch {
    let size = (128 * 1024).max(4 * sector);
    let areas = vec![
        Area::new(layout::ID_PRIMARY, 0, 0, size),
        Area::new(layout::ID_SECONDARY, 1, sector, size),
    ];
    let chip = |size| Nor::uniform(size, sector, unit);
    let mut board = Board::new(vec![chip(size), chip(size + 2 * sector)]);
    let running = smpkit_sim::image::build_sized(version(1, 0, 0, 0), 11, 20 * 1024);
    board.load(&areas[0], &running);
    let setup = Setup {
        areas: areas.leak(),
        max_align: unit.max(8) as u8,
        ..Setup::default()
    };
    Watch::with(board, setup)
}

/// A PineTime whose chips are written in units of `unit` bytes.
pub fn with_unit(unit: u32) -> Watch {
    let mut board = Board::with_write_units(unit, unit);
    board.load(&PRIMARY, &running_image());
    let setup = Setup {
        max_align: unit.max(8) as u8,
        ..Setup::default()
    };
    Watch::with(board, setup)
}

/// Write trailer fields behind the rules' back: magic, image_ok, copy_done, swap_info.
pub fn trailer(board: &mut Board, area: &Area, magic: &[u8], ok: u8, done: u8, info: u8) {
    let cells = board.bytes_mut(area);
    let end = cells.len();
    cells[end - 16..][..magic.len()].copy_from_slice(magic);
    cells[end - 24] = ok;
    cells[end - 32] = done;
    cells[end - 40] = info;
}

/// Runs an unconfirmed new image; the old one lies in the secondary slot.
pub fn on_trial() -> Watch {
    let mut board = Board::pinetime();
    board.load(&PRIMARY, &new_image(60_000));
    board.load(&SECONDARY, &running_image());
    trailer(&mut board, &PRIMARY, &MAGIC, 0xFF, 1, 2);
    Watch::new(board)
}

/// Runs the old image, `other` lies in the secondary slot and was never checked.
pub fn loaded(other: &[u8]) -> Watch {
    let mut board = Board::pinetime();
    board.load(&PRIMARY, &running_image());
    board.load(&SECONDARY, other);
    Watch::new(board)
}

/// As `loaded`, scheduled for the next start.
pub fn pending(other: &[u8], permanent: bool) -> Watch {
    let mut watch = loaded(other);
    let (ok, info) = if permanent { (1, 3) } else { (0xFF, 2) };
    trailer(&mut watch.world.board, &SECONDARY, &MAGIC, ok, 0xFF, info);
    watch
}

/// The next start, as MCUboot would see it.
pub fn next(watch: &mut Watch) -> smpkit_core::image::SwapType {
    watch.slots.swap_type(&mut watch.world.board)
}
