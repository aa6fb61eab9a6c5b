//! Finding out what an upload left in the slot before the watch restarted.
//!
//! There is no record of it in flash, since every byte MCUboot might read stays as MCUboot writes
//! it (I14). The content itself tells: it begins with the same bytes, and the first blank sector
//! is where writing stopped. The sector before that one may be torn and is asked for again.
//! A wrong guess is caught by the final hash.

use super::{Stage, Step, Writer, STEP};
use crate::flash::Flash;
use crate::image::{blank, inspect};
use crate::Error;

/// Bytes looked at per sector before the whole sector is read.
const PEEK: u32 = 32;

impl Writer<'_> {
    /// Probe only for a client that names the file, and when the slot begins with the same bytes.
    #[inline(never)]
    pub(super) fn probe_or_open<F: Flash>(&mut self, flash: &mut F) -> Step {
        self.stage = Stage::Open;
        let len = self.position as usize;
        let (Some(there), Some(first)) = (self.scratch.get_mut(..len), self.page.get(..len)) else {
            return Err(Error::AGAIN);
        };
        self.slots.secondary.read(flash, 0, there)?;
        let tainted = core::mem::take(&mut self.tainted);
        if self.sha_len == 32 && there == first && !tainted {
            self.probe = 0;
            self.stage = Stage::Probe;
        }
        Err(Error::AGAIN)
    }

    /// Look for the first blank sector: 4 KB of reading.
    pub(super) fn probe<F: Flash>(&mut self, flash: &mut F) -> Step {
        let area = &self.slots.secondary;
        let mut looked = 0;
        while self.probe < self.total && looked < STEP {
            looked += PEEK;
            let mut found = blank(flash, area, self.probe, PEEK, self.scratch);
            if found.is_ok() {
                looked = STEP;
                found = blank(flash, area, self.probe, self.sector, self.scratch);
            }
            match found {
                Ok(()) => return self.resume(),
                Err(Error::BADSTATE) => self.probe += self.sector,
                error => return error,
            }
        }
        if self.probe < self.total {
            return Err(Error::AGAIN);
        }
        // A whole image of the same length is an older build, not a part of this one.
        if inspect(flash, area, self.slots.limit).is_ok() {
            self.probe = 0;
        }
        self.resume()
    }

    /// Everything up to the sector before the blank one is taken as it is.
    #[inline(never)]
    fn resume(&mut self) -> Step {
        self.stage = Stage::Open;
        let from = self.probe.saturating_sub(self.sector);
        if from != 0 {
            self.restart_at(from);
        }
        Err(Error::AGAIN)
    }
}
