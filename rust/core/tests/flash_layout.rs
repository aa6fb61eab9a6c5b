//! Layout tables and the layout check.

use smpkit_core::flash::layout::{self, by_name, find};
use smpkit_core::flash::{check_areas, Area, EraseSize, Fault, FaultKind, Flash, Geometry, Single};
use smpkit_core::image::{Bootloader, Slots, Trailer};
use smpkit_core::Error;
use smpkit_sim::{Board, Nor};

fn slots(board: &Board, areas: &[Area], max_align: u8) -> Result<Slots, Error> {
    Slots::new(board, areas, max_align, Bootloader::Current)
}

#[test]
fn pinetime_is_what_its_bootloader_uses() {
    let expected = [
        (0, 0, 0x0, 0x7000),
        (16, 0, 0x7000, 0x1000),
        (1, 0, 0x8000, 0x74000),
        (2, 1, 0x40000, 0x74000),
        (3, 0, 0x7C000, 0x1000),
        (17, 1, 0xB4000, 0x34C000),
    ];
    let table = layout::PINETIME.map(|a| (a.id, a.device, a.offset, a.size));
    assert_eq!(table, expected);
    assert_eq!(find(&layout::PINETIME, 17).unwrap().size, 3376 * 1024);
}

#[test]
fn planned_revision_is_12_kb_larger() {
    let areas = &layout::PINETIME_PLANNED;
    let primary = find(areas, layout::ID_PRIMARY).unwrap();
    assert_eq!((primary.offset, primary.size), (0x8000, 476 * 1024));
    let secondary = find(areas, layout::ID_SECONDARY).unwrap();
    assert_eq!((secondary.offset, secondary.size), (0x40000, 476 * 1024));
    assert_eq!(find(areas, layout::ID_SCRATCH).unwrap().offset, 0x7F000);
    let files = find(areas, 17).unwrap();
    assert_eq!((files.offset, files.size), (0xB7000, 3364 * 1024));
}

#[test]
fn two_internal_slots_fill_the_flash_up_to_scratch() {
    let areas = &layout::TWO_INTERNAL;
    let primary = find(areas, layout::ID_PRIMARY).unwrap();
    let secondary = find(areas, layout::ID_SECONDARY).unwrap();
    assert_eq!((primary.offset, primary.size), (0x8000, 232 * 1024));
    assert_eq!((secondary.offset, secondary.size), (0x42000, 232 * 1024));
    assert_eq!(secondary.device, 0);
    assert_eq!(
        secondary.offset + secondary.size,
        find(areas, layout::ID_SCRATCH).unwrap().offset
    );
}

#[test]
fn every_named_layout_passes_its_own_check() {
    let board = Board::pinetime();
    for name in ["pinetime", "pinetime-planned", "two-internal"] {
        let areas = by_name(name).unwrap();
        assert_eq!(check_areas(&board, areas), Ok(()), "{name}");
        assert!(slots(&board, areas, 8).is_ok(), "{name}");
    }
    assert_eq!(by_name("pinetim"), None);
    assert_eq!(find(&layout::PINETIME, 4), None);
}

#[test]
fn limits_are_slot_minus_trailer() {
    for (unit, trailer, limit) in [(1, 432, 474_704), (4, 1584, 473_552), (8, 3120, 472_016)] {
        assert_eq!(Trailer { max_align: 8 }.size(unit, 116), trailer);
        let board = Board::with_write_units(unit, unit);
        let slots = slots(&board, &layout::PINETIME, 8).unwrap();
        assert_eq!(slots.limit, limit, "write unit {unit}");
        assert_eq!(slots.trailer_sector_start(), 0x73000);
    }
    for (max_align, unit, trailer) in [(16, 16, 6224), (32, 32, 12448)] {
        assert_eq!(Trailer { max_align }.size(unit, 116), trailer);
        let board = Board::with_write_units(unit, unit);
        let slots = slots(&board, &layout::PINETIME, max_align).unwrap();
        assert_eq!(slots.limit, 475_136 - trailer);
    }
}

#[test]
fn limit_obeys_the_slot_with_the_larger_trailer() {
    for units in [(1, 8), (8, 1)] {
        let board = Board::with_write_units(units.0, units.1);
        let slots = slots(&board, &layout::PINETIME, 8).unwrap();
        assert_eq!(slots.limit, 472_016);
    }
}

#[test]
fn more_sectors_than_128_make_the_trailer_larger() {
    assert_eq!(Trailer { max_align: 8 }.size(1, 128), 432);
    assert_eq!(Trailer { max_align: 8 }.size(1, 200), 48 + 600);
    assert_eq!(Trailer { max_align: 8 }.size(1, 1), 432);
}

#[test]
fn slots_refuse_write_units_above_the_field_size() {
    let board = Board::with_write_units(16, 1);
    assert_eq!(slots(&board, &layout::PINETIME, 8), Err(Error::LAYOUT));
    assert!(slots(&board, &layout::PINETIME, 16).is_ok());
    for wrong in [0, 1, 4, 7, 12, 24, 64, 255] {
        let board = Board::pinetime();
        assert_eq!(slots(&board, &layout::PINETIME, wrong), Err(Error::LAYOUT));
    }
}

/// The PineTime table with one area changed.
fn changed(id: u8, change: impl FnOnce(&mut Area)) -> Vec<Area> {
    let mut areas = layout::PINETIME.to_vec();
    change(areas.iter_mut().find(|a| a.id == id).unwrap());
    areas
}

fn without(ids: &[u8]) -> Vec<Area> {
    let mut areas = layout::PINETIME.to_vec();
    areas.retain(|area| !ids.contains(&area.id));
    areas
}

fn expect(areas: &[Area], kind: FaultKind, area: u8, other: u8) {
    let board = Board::pinetime();
    let fault = Fault { kind, area, other };
    assert_eq!(check_areas(&board, areas), Err(fault));
    assert_eq!(slots(&board, areas, 8), Err(Error::LAYOUT));
}

#[test]
fn check_names_each_fault_and_its_areas() {
    use FaultKind::*;
    expect(&changed(17, |a| a.device = 2), NoDevice, 17, 17);
    expect(&changed(17, |a| a.size += 0x1000), OutsideDevice, 17, 17);
    expect(
        &changed(17, |a| a.offset = 0xFFFF_F000),
        OutsideDevice,
        17,
        17,
    );
    expect(&changed(3, |a| a.offset += 0x200), NotOnSector, 3, 3);
    expect(&changed(3, |a| a.size = 0x800), NotOnSector, 3, 3);
    expect(&changed(16, |a| a.offset = 0x6000), Overlap, 0, 16);
    expect(&changed(2, |a| a.size += 0x1000), Overlap, 2, 17);
    expect(&changed(16, |a| a.id = 0), DuplicateId, 0, 0);
    expect(&changed(16, |a| a.size = 0), Empty, 16, 16);
    expect(&without(&[1]), NoPrimary, 1, 1);
    expect(&without(&[2]), NoSecondary, 2, 2);
    expect(&[], NoPrimary, 1, 1);
    expect(&changed(2, |a| a.size -= 0x1000), UnequalSlots, 1, 2);
}

#[test]
fn touching_areas_do_not_overlap() {
    let areas = without(&[16]);
    assert_eq!(check_areas(&Board::pinetime(), &areas), Ok(()));
    // On another chip the same offsets are other bytes.
    let areas = changed(3, |a| (a.device, a.offset) = (1, 0x0));
    assert_eq!(check_areas(&Board::pinetime(), &areas), Ok(()));
}

#[test]
fn unequal_sectors_need_a_scratch_area_of_the_larger() {
    let board = Board::new(vec![
        Nor::uniform(0x8_0000, 4096, 1),
        Nor::uniform(0x40_0000, 8192, 1),
    ]);
    let two = [
        Area::new(1, 0, 0x8000, 0x40000),
        Area::new(2, 1, 0x40000, 0x40000),
    ];
    let with = |size| [two[0], two[1], Area::new(3, 0, 0x70000, size)];
    let kind = |areas: &[Area]| check_areas(&board, areas).map_err(|fault| fault.kind);
    assert_eq!(kind(&two), Err(FaultKind::UnequalSectors));
    assert_eq!(kind(&with(0x1000)), Err(FaultKind::UnequalSectors));
    assert_eq!(kind(&with(0x2000)), Ok(()));
}

#[test]
fn slot_that_holds_only_its_trailer_is_too_small() {
    for unit in [1, 2, 4, 8, 16, 32] {
        let max_align = unit.max(8) as u8;
        let least = Trailer { max_align }.size(unit, 1) + 32;
        for (sector, fits) in [(32, false), (64, true)] {
            // Rounded down to sectors it is too small; one sector more fits.
            let size = least / sector * sector + if fits { sector } else { 0 };
            let board = Board::new(vec![Nor::uniform(0x10000, sector, unit)]);
            let areas = [Area::new(1, 0, 0, size), Area::new(2, 0, 0x8000, size)];
            let kind = check_areas(&board, &areas).map_err(|fault| fault.kind);
            let expected = if fits {
                Ok(())
            } else {
                Err(FaultKind::TooSmall)
            };
            assert_eq!(kind, expected, "unit {unit} sector {sector} size {size}");
        }
    }
}

/// A chip that only has a geometry.
struct Paper(Geometry);

impl smpkit_core::flash::Device for Paper {
    fn geometry(&self) -> Geometry {
        self.0
    }
    fn read(&mut self, _: u32, _: &mut [u8]) -> Result<(), Error> {
        Err(Error::FLASH)
    }
    fn write(&mut self, _: u32, _: &[u8]) -> Result<(), Error> {
        Err(Error::FLASH)
    }
    fn erase(&mut self, _: u32, _: u32) -> Result<(), Error> {
        Err(Error::FLASH)
    }
}

#[test]
fn unusable_geometries_are_named() {
    let sizes = |table: [u32; 3]| table.map(|size| EraseSize { size, max_ms: 0 });
    let kind = |write_unit, erased, table: [u32; 3]| {
        let geometry = Geometry {
            size: 0x80000,
            write_unit,
            erased,
            erase: sizes(table),
        };
        let areas = &layout::TWO_INTERNAL;
        let result = check_areas(&Single(Paper(geometry)), areas);
        result.err().map(|fault| fault.kind)
    };
    let bad = Some(FaultKind::BadGeometry);
    assert_eq!(kind(1, 0xFF, [4096, 0, 0]), None);
    assert_eq!(kind(1, 0x00, [4096, 0, 0]), None);
    assert_eq!(kind(32, 0xFF, [4096, 32768, 65536]), None);
    assert_eq!(kind(0, 0xFF, [4096, 0, 0]), bad);
    assert_eq!(kind(3, 0xFF, [4096, 0, 0]), bad);
    assert_eq!(kind(64, 0xFF, [4096, 0, 0]), bad);
    assert_eq!(kind(1, 0xFE, [4096, 0, 0]), bad);
    assert_eq!(kind(1, 0xFF, [0, 0, 0]), bad);
    assert_eq!(kind(1, 0xFF, [0, 4096, 0]), bad);
    assert_eq!(kind(1, 0xFF, [4095, 0, 0]), bad);
    assert_eq!(kind(1, 0xFF, [3 * 4096, 0, 0]), bad);
    assert_eq!(kind(32, 0xFF, [16, 0, 0]), bad);
    assert_eq!(kind(1, 0xFF, [4096, 2048, 0]), bad);
}

#[test]
fn explanations_are_single_lines_that_differ() {
    use FaultKind::*;
    let kinds = [
        NoDevice,
        BadGeometry,
        OutsideDevice,
        NotOnSector,
        Overlap,
        DuplicateId,
        Empty,
        NoPrimary,
        NoSecondary,
        UnequalSlots,
        UnequalSectors,
        TooSmall,
    ];
    let text = |kind| {
        let fault = Fault {
            kind,
            area: 1,
            other: 2,
        };
        fault.explain()
    };
    for (index, kind) in kinds.into_iter().enumerate() {
        assert_eq!(kind as usize, index + 1);
        assert!(!text(kind).contains('\n') && text(kind).contains(": "));
        assert!(kinds[..index]
            .iter()
            .all(|other| text(*other) != text(kind)));
    }
    assert!(text(Overlap).contains("overlap") && text(TooSmall).contains("too small"));
    assert!(text(NoSecondary).contains("id 2") && text(UnequalSlots).contains("size"));
}

// failure case 36
#[test]
fn case_36_offsets_that_wrap_are_outside_the_area() {
    let mut board = Board::pinetime();
    let area = find(&layout::PINETIME, layout::ID_SECONDARY).unwrap();
    let mut buffer = [0; 0x20];
    for offset in [0xFFFF_FFF0, 0xFFFF_FFFF, area.size, area.size - 0x1F] {
        assert_eq!(
            area.read(&mut board, offset, &mut buffer),
            Err(Error::RANGE)
        );
        assert_eq!(area.write(&mut board, offset, &buffer), Err(Error::RANGE));
        assert_eq!(area.erase(&mut board, offset, 0x20), Err(Error::RANGE));
    }
    assert_eq!(area.read(&mut board, area.size - 0x20, &mut buffer), Ok(()));
    assert!(board.violations().is_empty());
    assert!(board.geometry(2).is_none());
}
