//! Is this layout one that MCUboot can swap and the kit can update? Asked once at start, because a
//! wrong table would otherwise show up as a destroyed file system or a watch that does not boot.

use super::layout::{find, ID_PRIMARY, ID_SCRATCH, ID_SECONDARY};
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

/// Check a whole layout against the devices of the board.
pub fn check_areas<F: Flash>(flash: &F, areas: &[Area]) -> Result<(), Fault> {
    let mut rest = areas;
    while let Some((area, others)) = rest.split_first() {
        check_area(flash, area).map_err(|kind| Fault::at(kind, area.id))?;
        for other in others {
            check_pair(area, other).map_err(|kind| Fault {
                kind,
                area: area.id,
                other: other.id,
            })?;
        }
        rest = others;
    }
    check_slots(flash, areas)
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

fn check_area<F: Flash>(flash: &F, area: &Area) -> Result<(), FaultKind> {
    let geometry = flash.geometry(area.device).ok_or(FaultKind::NoDevice)?;
    if !usable(&geometry) {
        return Err(FaultKind::BadGeometry);
    }
    if area.size == 0 {
        return Err(FaultKind::Empty);
    }
    match area.offset.checked_add(area.size) {
        Some(end) if end <= geometry.size => {}
        _ => return Err(FaultKind::OutsideDevice),
    }
    if (area.offset | area.size) & geometry.sector().saturating_sub(1) != 0 {
        return Err(FaultKind::NotOnSector);
    }
    Ok(())
}

fn check_pair(one: &Area, two: &Area) -> Result<(), FaultKind> {
    if one.id == two.id {
        return Err(FaultKind::DuplicateId);
    }
    // `two` has not been checked yet: its end may overflow.
    let apart = one.device != two.device
        || two.offset >= one.offset.saturating_add(one.size)
        || one.offset >= two.offset.saturating_add(two.size);
    if !apart {
        return Err(FaultKind::Overlap);
    }
    Ok(())
}

fn check_slots<F: Flash>(flash: &F, areas: &[Area]) -> Result<(), Fault> {
    let (primary, one) = slot(flash, areas, ID_PRIMARY, FaultKind::NoPrimary)?;
    let (secondary, two) = slot(flash, areas, ID_SECONDARY, FaultKind::NoSecondary)?;
    // MCUboot swaps one larger sector at a time, through the scratch area. Without a scratch area
    // it moves sectors inside the slot, which needs equal ones.
    let fits = match find(areas, ID_SCRATCH) {
        Some(scratch) => scratch.size >= one.max(two),
        None => one == two,
    };
    let kind = if primary != secondary {
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

/// Size of a slot and of its sectors.
fn slot<F: Flash>(
    flash: &F,
    areas: &[Area],
    id: u8,
    missing: FaultKind,
) -> Result<(u32, u32), Fault> {
    let area = find(areas, id).ok_or(Fault::at(missing, id))?;
    let geometry = area.geometry(flash);
    let geometry = geometry.map_err(|_| Fault::at(FaultKind::NoDevice, id))?;
    if area.size <= least(geometry.write_unit) {
        return Err(Fault::at(FaultKind::TooSmall, id));
    }
    Ok((area.size, geometry.sector()))
}

/// Header and smallest trailer: MCUboot reserves three status entries for each of 128 sectors,
/// and four fields of at least 8 bytes below the magic.
fn least(write_unit: u32) -> u32 {
    let field = write_unit.max(8);
    let info = field.saturating_mul(4).saturating_add(field.max(16));
    let status = write_unit.saturating_mul(3 * 128);
    info.saturating_add(status).saturating_add(32)
}
