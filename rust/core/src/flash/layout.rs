//! Flash layouts of known watches. A firmware may hand in any other table; these are the ones that
//! a bootloader in the field agrees with.

use super::Area;

/// Area id of the bootloader.
pub const ID_BOOT: u8 = 0;
/// Area id of the running image.
pub const ID_PRIMARY: u8 = 1;
/// Area id of the slot that updates are staged in.
pub const ID_SECONDARY: u8 = 2;
/// Area id of the bootloader's swap sector.
pub const ID_SCRATCH: u8 = 3;

const ID_LOG: u8 = 16;
const ID_FILES: u8 = 17;

/// PineTime as shipped since bootloader 5.0.4: primary internal, secondary in the SPI flash.
pub const PINETIME: [Area; 6] = [
    Area::new(ID_BOOT, 0, 0x0, 0x7000),
    Area::new(ID_LOG, 0, 0x7000, 0x1000),
    Area::new(ID_PRIMARY, 0, 0x8000, 0x74000),
    Area::new(ID_SECONDARY, 1, 0x40000, 0x74000),
    Area::new(ID_SCRATCH, 0, 0x7C000, 0x1000),
    Area::new(ID_FILES, 1, 0xB4000, 0x34C000),
];

/// The planned revision with slots 12 KB larger. No shipped bootloader uses it yet.
pub const PINETIME_PLANNED: [Area; 6] = [
    Area::new(ID_BOOT, 0, 0x0, 0x7000),
    Area::new(ID_LOG, 0, 0x7000, 0x1000),
    Area::new(ID_PRIMARY, 0, 0x8000, 0x77000),
    Area::new(ID_SECONDARY, 1, 0x40000, 0x77000),
    Area::new(ID_SCRATCH, 0, 0x7F000, 0x1000),
    Area::new(ID_FILES, 1, 0xB7000, 0x349000),
];

/// PineTime before the SPI flash was used (bootloader 4.0.1): both slots internal.
pub const TWO_INTERNAL: [Area; 5] = [
    Area::new(ID_BOOT, 0, 0x0, 0x6000),
    Area::new(ID_LOG, 0, 0x6000, 0x2000),
    Area::new(ID_PRIMARY, 0, 0x8000, 0x3A000),
    Area::new(ID_SECONDARY, 0, 0x42000, 0x3A000),
    Area::new(ID_SCRATCH, 0, 0x7C000, 0x1000),
];

const NAMED: [(&str, &[Area]); 3] = [
    ("pinetime", &PINETIME),
    ("pinetime-planned", &PINETIME_PLANNED),
    ("two-internal", &TWO_INTERNAL),
];

/// The layout of this name: "pinetime", "pinetime-planned" or "two-internal".
pub fn by_name(name: &str) -> Option<&'static [Area]> {
    let found = NAMED.iter().find(|(known, _)| *known == name)?;
    Some(found.1)
}

/// The area with this id.
pub fn find(areas: &[Area], id: u8) -> Option<Area> {
    areas.iter().find(|area| area.id == id).copied()
}
