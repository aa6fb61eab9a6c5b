//! One error type for the whole kit: a non-zero `i32`, so that `Result<(), Error>` is one register
//! and the C ABI can pass it through unchanged.
//!
//! −1…−99 belong to the kit and are append-only; ≤ −100 are the port's own and never interpreted.

use core::ffi::CStr;
use core::num::NonZeroI32;

/// Why something failed. Numbers are part of the ABI: append, never renumber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error(NonZeroI32);

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        impl Error {
            $($(#[$doc])* pub const $name: Error = Error::new($value);)*

            /// One line for a log or a terminal.
            pub fn text(self) -> &'static CStr {
                // The byte behind the NUL keeps the text out of the linker's string section, which
                // is linked as a whole.
                let text: &str = match self.code() {
                    $($value => concat!($text, "\0."),)*
                    _ => "error of the port\0.",
                };
                CStr::from_bytes_until_nul(text.as_bytes()).unwrap_or_default()
            }
        }
    };
}

errors! {
    /// An argument is NULL, out of range or contradicts another.
    INVAL = -1, "invalid argument";
    /// A mandatory callback is missing, or the function is not in this build.
    NOSYS = -2, "not provided";
    /// Offset and length do not lie inside the area or device.
    RANGE = -3, "outside the flash area";
    /// The flash layout cannot work; see the layout check.
    LAYOUT = -4, "flash layout is not usable";
    /// No such device, area, slot or image.
    NOENT = -5, "not found";
    /// Somebody else is using it.
    BUSY = -6, "busy";
    /// Not finished yet: call again with the same arguments.
    AGAIN = -7, "not finished, call again";
    /// The flash device reported a failure, or read back other bytes than were written.
    FLASH = -8, "flash failure";
    /// The image is not whole, or its hash does not match.
    BADIMAGE = -9, "not a valid image";
    /// Not possible in the present state of the slots.
    BADSTATE = -10, "not possible in this state";
    /// A buffer is too small.
    NOMEM = -11, "buffer too small";
    /// The image does not fit into slot minus trailer.
    TOOBIG = -12, "image too large for the slot";
    /// The hardware did not answer within its deadline.
    TIMEOUT = -13, "hardware timeout";
    /// The security policy or the port forbids it.
    DENIED = -14, "denied";
    /// Trailer magic is neither erased nor good (MCUboot: BOOT_EBADVECT).
    BADVECT = -15, "damaged trailer";
    /// A kind of image this bootloader cannot run (encrypted, compressed, split).
    UNSUPPORTED = -16, "image type not supported";
}

impl Error {
    const fn new(code: i32) -> Error {
        match NonZeroI32::new(code) {
            Some(code) => Error(code),
            None => Error(NonZeroI32::MIN),
        }
    }

    /// The number that crosses the C ABI.
    pub const fn code(self) -> i32 {
        self.0.get()
    }

    /// What a port callback returned: 0 and positive are success.
    pub const fn check(code: i32) -> Result<(), Error> {
        if code >= 0 {
            Ok(())
        } else {
            Err(Error::new(code))
        }
    }
}
