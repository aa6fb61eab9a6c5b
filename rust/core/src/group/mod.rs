//! The SMP groups: what each command means. Each file adds its handlers to the server.

mod datetime;
mod image;
mod image_upload;
mod os;
mod statistics;

pub use datetime::datetime;
pub(crate) use image_upload::is_acceptable;
pub use statistics::statistics;
