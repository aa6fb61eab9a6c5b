//! The SMP wire format: header, CBOR in, CBOR out, error numbers.

mod command;
mod fail;
mod header;
mod reader;
mod reply;

pub use command::{field, Command, Spec, UNKNOWN};
pub use fail::{image, os, rc, Fail};
pub use header::{Header, READ, WRITE};
pub use reader::{Event, Reader};
pub use reply::Reply;
