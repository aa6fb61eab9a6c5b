//! Reading back and hashing what was written, and what follows from the result (I4).
//!
//! One pass serves two hashes: the image's own, over header, payload and protected TLVs, is taken
//! from a copy of the running digest when it reaches `hashed_end`; the client's goes on to the end.

use super::{Stage, Step, Writer, STEP};
use crate::flash::Flash;
use crate::image::{hash_range, inspect_into, Info};
use crate::Error;

impl Writer<'_> {
    /// Up to where the slot is durable: whole sectors only, since `rollback` may take back less.
    fn durable(&self) -> u32 {
        self.floor(self.kept.min(self.written))
    }

    /// Bytes that are durable and not hashed yet.
    pub fn backlog(&self) -> u32 {
        match self.stage {
            Stage::Open => self.durable().saturating_sub(self.hashed),
            _ => 0,
        }
    }

    pub(super) fn hash_behind<F: Flash>(&mut self, flash: &mut F) -> Step {
        self.hash_until(flash, self.durable())
    }

    /// Hash up to 4 KB, and not beyond `until`.
    #[inline(never)]
    fn hash_until<F: Flash>(&mut self, flash: &mut F, until: u32) -> Step {
        let from = self.hashed;
        if from >= until {
            return Ok(());
        }
        let mut stop = until.min(from + STEP);
        if from < self.hashed_end {
            stop = stop.min(self.hashed_end);
        }
        let area = &self.slots.secondary;
        hash_range(flash, area, from, stop, &mut self.digest, self.scratch)?;
        self.hashed = stop;
        if stop == self.hashed_end {
            self.image_hash = self.digest.peek();
        }
        Err(Error::AGAIN)
    }

    /// Whether all bytes arrived.
    pub fn is_full(&self) -> bool {
        self.is_active() && self.kept == self.total
    }

    /// A step of the end of a session, once it is full. `BADIMAGE`: the flash does not hold what
    /// was promised, and its header was erased.
    #[inline(never)]
    pub fn finish<F: Flash>(&mut self, flash: &mut F) -> Step {
        if self.stage == Stage::Spoiled {
            // So that what failed the check is neither listed nor resumed.
            self.slots.secondary.erase(flash, 0, self.sector)?;
            self.abort();
            return Err(Error::BADIMAGE);
        }
        if self.stage != Stage::Finish {
            self.flush(flash)?;
            self.stage = Stage::Finish;
            return Err(Error::AGAIN);
        }
        self.hash_until(flash, self.total)?;
        let mut found = Ok(());
        if self.sha_len == 32 && self.digest.peek() != self.sha {
            found = Err(Error::BADIMAGE);
        } else if !self.settings.any_file {
            found = self.own_hash(flash);
        }
        if found == Err(Error::BADIMAGE) {
            self.stage = Stage::Spoiled;
            return Err(Error::AGAIN);
        }
        found?;
        self.abort();
        self.verified = !self.settings.any_file;
        Ok(())
    }

    /// Program the last, partly filled page, padded with erased bytes.
    fn flush<F: Flash>(&mut self, flash: &mut F) -> Step {
        let fill = (self.position - self.written) as usize;
        if fill == 0 {
            return Ok(());
        }
        let geometry = &self.settings.geometry;
        let unit = geometry.write_unit as usize;
        let padded = (fill + unit - 1) & unit.wrapping_neg();
        let part = self.page.get_mut(..padded).ok_or(Error::INVAL)?;
        for byte in part.iter_mut().skip(fill) {
            *byte = geometry.erased;
        }
        self.slots.secondary.write(flash, self.written, part)?;
        self.written = self.position;
        Ok(())
    }

    /// Whether the hash that was computed is the one the image carries: `BADIMAGE` if not.
    fn own_hash<F: Flash>(&self, flash: &mut F) -> Step {
        let mut info = Info::default();
        match inspect_into(flash, &self.slots.secondary, self.slots.limit, &mut info) {
            Err(Error::NOENT) => return Err(Error::BADIMAGE),
            found => found?,
        }
        let inside = self.total == 0 || info.end <= self.total;
        if inside && info.hashed == self.hashed_end && info.hash == self.image_hash {
            Ok(())
        } else {
            Err(Error::BADIMAGE)
        }
    }

    /// Check an image that is in the slot already, before it may be scheduled.
    pub fn begin_verify(&mut self, hashed_end: u32) {
        self.abort();
        self.hashed_end = hashed_end;
        self.stage = Stage::Verify;
    }

    /// A step of that check. `BADIMAGE` when the hash is another.
    #[inline(never)]
    pub fn verify<F: Flash>(&mut self, flash: &mut F) -> Step {
        self.hash_until(flash, self.hashed_end)?;
        self.stage = Stage::Idle;
        self.own_hash(flash)?;
        self.verified = true;
        Ok(())
    }
}
