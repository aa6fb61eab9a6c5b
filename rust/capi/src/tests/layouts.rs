//! Layout faults, with the words a porter reads.

use super::rig::{zero, Watch};
use crate::api::*;
use crate::calls::*;
use crate::port::*;

const fn area(id: u8, device: u8, offset: u32, size: u32) -> smpkit_area {
    smpkit_area {
        id,
        device,
        reserved: 0,
        offset,
        size,
    }
}

const PRIMARY: smpkit_area = area(1, 0, 0x8000, 0x74000);
const SECONDARY: smpkit_area = area(2, 1, 0x40000, 0x74000);

/// Return code, fault, and its text; smpkit_init() must be of the same opinion.
fn check(areas: &[smpkit_area], change: impl FnOnce(&mut smpkit_flash)) -> (i32, [u32; 3], String) {
    let watch = Watch::cold();
    let (mut port, mut config) = (*watch.port, *watch.config);
    let mut flash = unsafe { [port.flash.read(), port.flash.add(1).read()] };
    change(&mut flash[1]);
    port.flash = flash.as_ptr();
    config.areas = areas.as_ptr();
    config.area_count = areas.len() as u32;
    let mut fault: smpkit_layout_fault = zero();
    let code = unsafe { smpkit_check_layout(&port, &config, &mut fault) };
    let mut kit: Box<smpkit> = Box::new(zero());
    assert_eq!(unsafe { smpkit_init(&mut *kit, &port, &config) }, code);
    let mut text = String::new();
    if code != 0 {
        let bytes =
            unsafe { std::slice::from_raw_parts(fault.text.cast(), fault.text_len as usize) };
        text = String::from_utf8(bytes.to_vec()).unwrap();
    }
    (code, [fault.kind, fault.area, fault.other], text)
}

#[track_caller]
fn refused(areas: &[smpkit_area], fault: [u32; 3], words: &str) {
    let (code, found, text) = check(areas, |_| {});
    assert_eq!((code, found), (SMPKIT_ERR_LAYOUT, fault), "{text}");
    assert!(text.contains(words), "{text}");
}

#[test]
fn a_good_layout_leaves_the_fault_alone() {
    assert_eq!(
        check(&[PRIMARY, SECONDARY], |_| {}),
        (0, [0; 3], String::new())
    );
}

#[test]
fn the_default_is_the_layout_of_pinetime() {
    let watch = Watch::cold();
    let mut fault: smpkit_layout_fault = zero();
    let code = unsafe { smpkit_check_layout(&*watch.port, &*watch.config, &mut fault) };
    assert_eq!((code, fault.kind, fault.text.is_null()), (0, 0, true));
}

#[test]
fn areas_that_cannot_be_are_named() {
    let both = [PRIMARY, SECONDARY];
    let with = |extra| [both[0], both[1], extra];
    refused(&with(area(16, 2, 0, 4096)), [1, 16, 16], "no such device");
    refused(
        &with(area(16, 0, 0x7F000, 0x2000)),
        [3, 16, 16],
        "ends behind its device",
    );
    refused(
        &with(area(16, 0, 0xFFFF_F000, 0x2000)),
        [3, 16, 16],
        "ends behind its device",
    );
    refused(
        &with(area(16, 0, 0x100, 4096)),
        [4, 16, 16],
        "multiples of the smallest erase size",
    );
    refused(
        &with(area(16, 0, 0, 100)),
        [4, 16, 16],
        "multiples of the smallest erase size",
    );
    refused(&with(area(16, 0, 0, 0)), [7, 16, 16], "size 0");
    refused(&with(area(16, 1, 0xB3000, 0x1000)), [5, 2, 16], "overlap");
    refused(&with(area(16, 1, 0x3F000, 0x2000)), [5, 2, 16], "overlap");
    refused(&with(area(2, 1, 0, 0x1000)), [6, 2, 2], "same id");
}

#[test]
fn slots_that_cannot_be_swapped_are_named() {
    refused(&[SECONDARY], [8, 1, 1], "no primary slot");
    refused(&[PRIMARY], [9, 2, 2], "no secondary slot");
    let shorter = area(2, 1, 0x40000, 0x73000);
    refused(&[PRIMARY, shorter], [10, 1, 2], "equally large");
    let large = [area(1, 0, 0x10000, 0x60000), area(2, 1, 0x40000, 0x60000)];
    let coarse = |flash: &mut smpkit_flash| flash.erase_sizes[0].size = 0x8000;
    let (code, fault, text) = check(&large, coarse);
    assert_eq!((code, fault), (SMPKIT_ERR_LAYOUT, [11, 1, 2]), "{text}");
    assert!(text.contains("scratch"), "{text}");
}

#[test]
fn devices_that_cannot_be_are_named() {
    let both = [PRIMARY, SECONDARY];
    for change in [
        (|flash| flash.write_unit = 3) as fn(&mut smpkit_flash),
        |flash| flash.erase_sizes[0].size = 0,
        |flash| flash.erase_sizes[1].size = 5000,
        |flash| flash.erase_sizes[1].size = 16,
    ] {
        let (code, fault, text) = check(&both, change);
        assert_eq!((code, fault), (SMPKIT_ERR_LAYOUT, [2, 2, 2]), "{text}");
        assert!(text.contains("write unit must be"), "{text}");
    }
}

#[test]
fn slots_too_small_for_a_trailer_are_named() {
    let flash = |flash: &mut smpkit_flash| {
        flash.write_unit = 32;
        flash.erase_sizes[1].size = 0;
        flash.erase_sizes[2].size = 0;
    };
    let areas = [area(1, 1, 0, 4096), area(2, 1, 4096, 4096)];
    let (code, fault, text) = check(&areas, flash);
    assert_eq!((code, fault), (SMPKIT_ERR_LAYOUT, [12, 1, 1]), "{text}");
    assert!(text.contains("too small"), "{text}");
}
