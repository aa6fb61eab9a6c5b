//! Links: how packets are cut on the way in and out. State machines over bytes, no I/O.

pub mod ble;
pub mod serial;
