//! Is this layout one that MCUboot can swap and the kit can update? Asked once at start, because a
//! wrong table would otherwise show up as a destroyed file system or a watch that does not boot.

use super::layout::{ID_PRIMARY, ID_SECONDARY};
use super::{Area, Flash, Geometry};

/// What is wrong with a layout. Numbers are part of the ABI: append, never renumber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum FaultKind {
    /// An area names a device that the port does not have.
    NoDevice = 1,
    /// Write unit, erase table or erased value of the device are not usable.
    BadGeometry,
    /// The area ends behind its device.
    OutsideDevice,
    /// Start or size is not a multiple of the sector.
    NotOnSector,
    /// Two areas share bytes.
    Overlap,
    /// Two areas have the same id.
    DuplicateId,
    /// An area has no bytes.
    Empty,
    /// There is no area with id 1.
    NoPrimary,
    /// There is no area with id 2.
    NoSecondary,
    /// The slots differ in size.
    UnequalSlots,
    /// The larger sector of the slots has no place in the scratch area.
    UnequalSectors,
    /// A slot cannot hold a header and a trailer.
    TooSmall,
}

/// The first fault found, and the areas it concerns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Id of the area.
    pub area: u8,
    /// Id of the other area, or the same id.
    pub other: u8,
}

const TEXT: [&str; 12] = [
    "no such device: add it to the port or correct the device number of the area",
    "unusable device: write unit must be 1 to 32, erase sizes powers of two, erased 0xFF or 0x00",
    "area ends behind its device: reduce its size or correct the offset",
    "area not on sectors: make offset and size multiples of the smallest erase size",
    "two areas overlap: move one of them",
    "two areas have the same id: give each its own",
    "area has size 0: remove it or give it a size",
    "no primary slot: add the area with id 1, where the running image is",
    "no secondary slot: add the area with id 2, where updates are staged",
    "slots differ in size: make areas 1 and 2 equally large",
    "scratch smaller than the larger sector of the slots: enlarge area 3 or use equal sectors",
    "slot too small for header and trailer: enlarge it or use a smaller write unit",
];

impl Fault {
    fn at(kind: FaultKind, area: u8) -> Fault {
        Fault {
            kind,
            area,
            other: area,
        }
    }

    /// One line: what is wrong and what to do.
    pub fn explain(&self) -> &'static str {
        let index = (self.kind as usize).saturating_sub(1);
        TEXT.get(index).copied().unwrap_or("unknown layout fault")
    }
}

/// An area and what the check needs of its device; nothing but zeros where there is no such area.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub area: Area,
    pub sector: u32,
    pub write_unit: u32,
}

/// The areas by id: boot, primary, secondary, scratch.
pub(crate) type Places = [Place; 4];

/// No areas yet.
pub(crate) const NO_PLACES: Places = [Place {
    area: Area::new(0, 0, 0, 0),
    sector: 0,
    write_unit: 0,
}; 4];

/// Check a whole layout against the devices of the board.
pub fn check_areas<F: Flash>(flash: &F, areas: &[Area]) -> Result<(), Fault> {
    let mut places = NO_PLACES;
    check(flash, areas, &mut places)
}

/// Check a whole layout, and note where the areas are that the bootloader knows.
pub(crate) fn check<F: Flash>(flash: &F, areas: &[Area], places: &mut Places) -> Result<(), Fault> {
    let mut rest = areas;
    while let Some((area, others)) = rest.split_first() {
        let geometry = flash.geometry(area.device);
        check_area(area, geometry.as_ref()).map_err(|kind| Fault::at(kind, area.id))?;
        if let (Some(place), Some(geometry)) = (places.get_mut(usize::from(area.id)), &geometry) {
            *place = Place {
                area: *area,
                sector: geometry.sector(),
                write_unit: geometry.write_unit,
            };
        }
        for other in others {
            check_pair(area, other).map_err(|kind| Fault {
                kind,
                area: area.id,
                other: other.id,
            })?;
        }
        rest = others;
    }
    check_slots(places)
}

/// Powers of two only: then sectors of two devices always are multiples of each other.
fn usable(geometry: &Geometry) -> bool {
    let mut least = geometry.write_unit;
    if !least.is_power_of_two() || least > 32 || geometry.sector() == 0 {
        return false;
    }
    for erase in &geometry.erase {
        if erase.size != 0 {
            if !erase.size.is_power_of_two() || erase.size < least {
                return false;
            }
            least = erase.size;
        }
    }
    matches!(geometry.erased, 0x00 | 0xFF)
}

fn check_area(area: &Area, geometry: Option<&Geometry>) -> Result<(), FaultKind> {
    let geometry = geometry.ok_or(FaultKind::NoDevice)?;
    if !usable(geometry) {
        return Err(FaultKind::BadGeometry);
    }
    if area.size == 0 {
        return Err(FaultKind::Empty);
    }
    match area.offset.checked_add(area.size) {
        Some(end) if end <= geometry.size => {}
        _ => return Err(FaultKind::OutsideDevice),
    }
    if (area.offset | area.size) & geometry.sector().wrapping_sub(1) != 0 {
        return Err(FaultKind::NotOnSector);
    }
    Ok(())
}

fn check_pair(one: &Area, two: &Area) -> Result<(), FaultKind> {
    if one.id == two.id {
        return Err(FaultKind::DuplicateId);
    }
    // `one` ends inside its device. `two` has not been checked yet: its end may overflow.
    let apart = one.device != two.device
        || two.offset >= one.offset.wrapping_add(one.size)
        || one.offset >= two.offset.saturating_add(two.size);
    if !apart {
        return Err(FaultKind::Overlap);
    }
    Ok(())
}

fn check_slots(places: &Places) -> Result<(), Fault> {
    let [_, slots @ .., scratch] = places;
    let [one, two] = slots;
    for (id, place) in (ID_PRIMARY..).zip(slots) {
        let size = place.area.size;
        let kind = if size != 0 {
            FaultKind::TooSmall
        } else if id == ID_PRIMARY {
            FaultKind::NoPrimary
        } else {
            FaultKind::NoSecondary
        };
        // A header and the smallest trailer must fit.
        let unit = place.write_unit;
        if size <= trailer_size(unit.max(8), unit, 0) + 32 {
            return Err(Fault::at(kind, id));
        }
    }
    // MCUboot swaps one larger sector at a time, through the scratch area. Without a scratch area
    // it moves sectors inside the slot, which needs equal ones.
    let fits = match scratch.area.size {
        0 => one.sector == two.sector,
        size => size >= one.sector.max(two.sector),
    };
    let kind = if one.area.size != two.area.size {
        FaultKind::UnequalSlots
    } else if !fits {
        FaultKind::UnequalSectors
    } else {
        return Ok(());
    };
    Err(Fault {
        kind,
        area: ID_PRIMARY,
        other: ID_SECONDARY,
    })
}

/// Bytes of the trailer of a slot: MCUboot reserves three status entries for each of at least 128
/// sectors, and four fields below the magic, which takes 16 bytes rounded up to whole fields.
pub(crate) fn trailer_size(align: u32, write_unit: u32, sectors: u32) -> u32 {
    sectors.max(128) * 3 * write_unit + align.max(16) + align * 4
}
