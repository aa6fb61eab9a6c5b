//! Flash as the core sees it: devices with a geometry known at run time, and areas on them.

use crate::Error;

mod area;
mod check;
mod device;
pub mod layout;
mod nor;

pub use area::Area;
pub(crate) use check::{check, trailer_size, NO_PLACES};
pub use check::{check_areas, Fault, FaultKind};
pub use device::{Device, EraseSize, Flash, Geometry, Pair, Single};
pub use nor::NorDevice;

/// Shorthand for results of the flash layer.
pub type Result<T> = core::result::Result<T, Error>;
