//! Finding out what an upload left in the slot before the watch restarted.
//!
//! There is no record of it in flash, since every byte MCUboot might read stays as MCUboot writes
//! it (I14). The content itself tells: it begins with the same bytes, and the first blank sector
//! is where writing stopped. The sector before that one may be torn and is asked for again.
//! A wrong guess is caught by the final hash.

use super::{Progress, Stage, Writer, STEP};
use crate::flash::Flash;
use crate::image::{inspect, is_blank, Slots};
use crate::Error;

/// Bytes looked at per sector before the whole sector is read.
const PEEK: u32 = 32;

impl Writer {
    /// Probe only for a client that names the file, and when the slot begins with the same bytes.
    pub(super) fn probe_or_open<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        page: &[u8],
        scratch: &mut [u8],
    ) -> Result<Stage, Error> {
        let first = page.get(..self.position as usize).unwrap_or_default();
        let Some(there) = scratch.get_mut(..first.len()) else {
            return Ok(Stage::Open);
        };
        if self.sha_len != 32 {
            return Ok(Stage::Open);
        }
        slots.secondary.read(flash, 0, there)?;
        if there == first {
            Ok(Stage::Probe(0))
        } else {
            Ok(Stage::Open)
        }
    }

    /// Look for the first blank sector, from `from` on: 4 KB of reading.
    pub(super) fn probe<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        from: u32,
        scratch: &mut [u8],
    ) -> Result<Progress, Error> {
        let sector = self.chip.sector;
        let mut at = from;
        let mut looked = 0;
        while at < self.total && looked < STEP {
            if is_blank(flash, &slots.secondary, at, PEEK, scratch)? {
                if is_blank(flash, &slots.secondary, at, sector, scratch)? {
                    self.resume_before(at);
                    return Ok(Progress::More);
                }
                looked = STEP;
            }
            looked += PEEK;
            at += sector;
        }
        self.stage = Stage::Probe(at);
        if at >= self.total {
            self.no_blank_sector(flash, slots, at);
        }
        Ok(Progress::More)
    }

    /// Everything up to the sector before `blank` is taken as it is.
    fn resume_before(&mut self, blank: u32) {
        self.stage = Stage::Open;
        let from = blank.saturating_sub(self.chip.sector);
        if from != 0 {
            self.restart_at(from);
        }
    }

    /// A whole image of the same length is an older build, not a part of this one.
    fn no_blank_sector<F: Flash>(&mut self, flash: &mut F, slots: &Slots, end: u32) {
        self.stage = Stage::Open;
        if inspect(flash, &slots.secondary, slots.limit) == Err(Error::BADIMAGE) {
            self.resume_before(end);
        }
    }
}
