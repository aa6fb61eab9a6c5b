//! The slot writer: takes the bytes of an image in order and leaves a checked image in the
//! secondary slot.
//!
//! What holds at any moment, so that a power cut never costs more than a sector:
//!
//! - The trailer sector is blank before anything else is written (I5): nothing in this slot can
//!   be scheduled until the whole image was read back and hashed.
//! - The sector behind the one being written is blank. After a restart the first blank sector
//!   therefore shows how far the upload came.
//! - `hashed <= kept <= position`, `written <= position`; the page buffer holds
//!   `written..position`. Bytes above `kept` are speculative: they belong to a request that was
//!   not read to its end, and `rollback` takes them back.
//!
//! Every function does at most one erase, one page program or 4 KB of reading.

mod resume;
mod verify;

pub use verify::Verdict;

use crate::flash::{EraseSize, Flash, Geometry};
use crate::image::{is_blank, Digest, Header, Slots};
use crate::Error;

/// Reading per step.
const STEP: u32 = 4096;

/// What the writer is busy with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// No session.
    Idle,
    /// A session without its first bytes.
    Header,
    /// Erasing the trailer sector.
    Trailer,
    /// Looking for what an interrupted upload left; the number is the sector to look at.
    Probe(u32),
    /// Accepting data.
    Open,
    /// Everything arrived and is being read back.
    Finish,
    /// The check failed: the header sector is being erased.
    Spoiled,
    /// Hashing an image that was there already.
    Verify,
    /// Erasing the slot because a client asked for it.
    Wipe,
}

/// What a step left to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Call again.
    More,
    /// This part is done.
    Ready,
}

/// Fixed facts of the slot and its chip.
#[derive(Clone, Copy)]
pub struct Chip {
    geometry: Geometry,
    sector: u32,
    /// Longest erase that may delay a reply.
    step_ms: u32,
}

/// Session state.
pub struct Writer {
    chip: Chip,
    stage: Stage,
    sha_len: u8,
    /// The slot holds an image that was read back and hashed since start.
    verified: bool,
    /// Files that are not images are welcome.
    any_file: bool,
    total: u32,
    kept: u32,
    position: u32,
    written: u32,
    /// The slot is known blank from `written`, rounded up, to here.
    blank: u32,
    /// Size of an erase that was started and is not finished.
    erasing: u32,
    hashed: u32,
    /// Where the image's own hash ends; 0 for a file that is no image.
    hashed_end: u32,
    digest: Digest,
    image_hash: [u8; 32],
    sha: [u8; 32],
}

impl Writer {
    /// A writer for the secondary slot on a chip with `geometry`.
    pub fn new(geometry: Geometry, step_ms: u32, any_file: bool) -> Writer {
        let chip = Chip {
            geometry,
            sector: geometry.sector(),
            step_ms,
        };
        Writer {
            chip,
            stage: Stage::Idle,
            sha_len: 0,
            verified: false,
            any_file,
            total: 0,
            kept: 0,
            position: 0,
            written: 0,
            blank: 0,
            erasing: 0,
            hashed: 0,
            hashed_end: 0,
            digest: Digest::new(),
            image_hash: [0; 32],
            sha: [0; 32],
        }
    }

    /// Whether a session is open.
    pub fn is_active(&self) -> bool {
        self.total != 0
    }

    /// Whether there is work in hand, so that the flash must stay awake.
    pub fn is_awake(&self) -> bool {
        self.stage != Stage::Idle
    }

    /// Whether the content of the slot cannot be shown: being written or erased.
    pub fn is_hiding(&self) -> bool {
        !matches!(self.stage, Stage::Idle | Stage::Verify)
    }

    /// Bytes kept of the session: the offset a client is told. 0 without a session.
    pub fn kept(&self) -> u32 {
        if self.is_active() {
            self.kept
        } else {
            0
        }
    }

    /// Length of the session's file; 0 without a session.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Whether the slot was read back, hashed and found right since start.
    pub fn is_verified(&self) -> bool {
        self.verified
    }

    /// Whether `sha` names the file of the open session.
    pub fn is_same(&self, sha: &[u8; 32], len: u32) -> bool {
        let end = len as usize;
        self.is_active()
            && len != 0
            && u32::from(self.sha_len) == len
            && self.sha.get(..end) == sha.get(..end)
    }

    /// Forget the session. What is in flash stays; its trailer sector was erased.
    pub fn abort(&mut self) {
        self.stage = Stage::Idle;
        self.total = 0;
        self.kept = 0;
        self.verified = false;
    }

    /// Open a session for a file of `total` bytes; `first` has to follow.
    pub fn open(&mut self, total: u32, sha: (&[u8; 32], u32)) {
        self.abort();
        self.total = total;
        (self.sha, self.sha_len) = (*sha.0, sha.1.min(32) as u8);
        self.restart_at(0);
        self.stage = Stage::Header;
    }

    /// The beginning of the file. What fits into `page` is kept.
    pub fn first(&mut self, first: &[u8], page: &mut [u8]) {
        let header = Header::parse(first);
        self.hashed_end = header.and_then(|header| header.hashed_len()).unwrap_or(0);
        self.stage = Stage::Trailer;
        let n = first.len().min(page.len());
        if let (Some(to), Some(from)) = (page.get_mut(..n), first.get(..n)) {
            to.copy_from_slice(from);
            self.position = n as u32;
        }
    }

    /// Whether `first` was called.
    pub fn has_header(&self) -> bool {
        self.stage != Stage::Header
    }

    /// Whether `prepare` was ready: data is accepted.
    pub fn is_prepared(&self) -> bool {
        self.kept != 0
    }

    /// Whether `begin_verify` was called and is not done.
    pub fn is_verifying(&self) -> bool {
        self.stage == Stage::Verify
    }

    fn restart_at(&mut self, offset: u32) {
        self.kept = offset;
        self.position = offset;
        self.written = offset;
        self.blank = offset;
        self.erasing = 0;
        self.hashed = 0;
        self.digest = Digest::new();
    }

    /// A step towards the reply to the first request. `Ready`: `kept` is what to tell the client.
    pub fn prepare<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        page: &[u8],
        scratch: &mut [u8],
    ) -> Result<Progress, Error> {
        match self.stage {
            Stage::Trailer => {
                if again(slots.erase_trailer(flash))? == Progress::Ready {
                    self.stage = self.probe_or_open(flash, slots, page, scratch)?;
                }
                Ok(Progress::More)
            }
            Stage::Probe(sector) => self.probe(flash, slots, sector, scratch),
            _ => {
                let goal = self.floor(self.position) + 2 * self.chip.sector;
                let progress = self.erase_ahead(flash, slots, goal, scratch)?;
                if progress == Progress::Ready {
                    self.kept = self.position;
                }
                Ok(progress)
            }
        }
    }

    /// A step towards the reply to a later request of `chunk` bytes: room for one more of those.
    pub fn advance<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        chunk: u32,
        scratch: &mut [u8],
    ) -> Result<Progress, Error> {
        // The next request may carry a little more, since a larger offset is all that grows.
        let room = (chunk + 64).clamp(256, self.chip.sector);
        let goal = self.floor(self.kept + room - 1) + 2 * self.chip.sector;
        self.erase_ahead(flash, slots, goal, scratch)
    }

    fn floor(&self, offset: u32) -> u32 {
        offset & !(self.chip.sector.wrapping_sub(1))
    }

    /// First sector boundary at or behind the end of the file.
    fn end(&self) -> u32 {
        self.floor(self.total + self.chip.sector - 1)
    }

    /// Up to where data may be written now: the last blank sector stays as a mark.
    fn allowed(&self) -> u32 {
        if self.blank >= self.end() {
            self.total
        } else {
            self.blank.saturating_sub(self.chip.sector)
        }
    }

    /// One erase, or one look at whether it is needed, until `goal` is blank.
    fn erase_ahead<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        goal: u32,
        scratch: &mut [u8],
    ) -> Result<Progress, Error> {
        let end = match self.stage {
            Stage::Wipe => slots.secondary.size,
            _ => self.end(),
        };
        if self.blank >= goal.min(end) {
            return Ok(Progress::Ready);
        }
        if self.erasing == 0 {
            let sector = self.chip.sector;
            if is_blank(flash, &slots.secondary, self.blank, sector, scratch)? {
                self.blank += sector;
                return Ok(Progress::More);
            }
            self.erasing = self.erase_size(slots);
        }
        let done = again(slots.secondary.erase(flash, self.blank, self.erasing))?;
        if done == Progress::Ready {
            self.blank += self.erasing;
            self.erasing = 0;
        }
        Ok(Progress::More)
    }

    /// The largest erase that starts here, stays inside the slot and is fast enough.
    fn erase_size(&self, slots: &Slots) -> u32 {
        let room = slots.secondary.size.saturating_sub(self.blank);
        let at = slots.secondary.offset.wrapping_add(self.blank);
        let fits = |erase: &&EraseSize| {
            erase.size != 0
                && erase.size <= room
                && at & erase.size.wrapping_sub(1) == 0
                && erase.max_ms <= self.chip.step_ms
        };
        let best = self.chip.geometry.erase.iter().rev().find(fits);
        best.map_or(self.chip.sector, |erase| erase.size)
    }

    /// Take bytes of the file. Returns how many were looked at, and whether a page was programmed
    /// (then the step is over). Bytes there is no room for are dropped: the client is told.
    pub fn push<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        bytes: &[u8],
        page: &mut [u8],
    ) -> Result<(usize, bool), Error> {
        let fill = (self.position - self.written) as usize;
        let allowed = self.allowed().saturating_sub(self.position) as usize;
        let n = bytes.len().min(page.len().saturating_sub(fill)).min(allowed);
        if n == 0 {
            return Ok((bytes.len(), false));
        }
        if let (Some(to), Some(from)) = (page.get_mut(fill..fill + n), bytes.get(..n)) {
            to.copy_from_slice(from);
        }
        self.position += n as u32;
        if fill + n < page.len() {
            return Ok((n, false));
        }
        slots.secondary.write(flash, self.written, page)?;
        self.written = self.position;
        Ok((n, true))
    }

    /// The request was whole and its offset right: its bytes count.
    pub fn commit(&mut self) {
        self.kept = self.position;
    }

    /// The request was not for us: take back what it brought.
    ///
    /// If a page of it was programmed already, its sector is given back and asked for again.
    pub fn rollback(&mut self) {
        if self.written > self.kept {
            let floor = self.floor(self.kept);
            self.kept = floor;
            self.written = floor;
            self.blank = floor;
            self.erasing = 0;
        }
        self.position = self.kept;
    }

    /// Erase the slot: trailer and header now, the rest by `background`.
    pub fn begin_wipe(&mut self) {
        self.abort();
        self.restart_at(0);
        self.stage = Stage::Trailer;
    }

    /// A step of the erase a client waits for.
    pub fn wipe<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        scratch: &mut [u8],
    ) -> Result<Progress, Error> {
        if self.stage == Stage::Trailer {
            if again(slots.erase_trailer(flash))? == Progress::Ready {
                self.stage = Stage::Wipe;
            }
            return Ok(Progress::More);
        }
        self.erase_ahead(flash, slots, 1, scratch)
    }

    /// A step nobody waits for. `Ready` when there is nothing to do.
    pub fn background<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        scratch: &mut [u8],
    ) -> Result<Progress, Error> {
        match self.stage {
            Stage::Wipe => {
                let size = slots.secondary.size;
                let progress = self.erase_ahead(flash, slots, size, scratch)?;
                if progress == Progress::Ready {
                    self.stage = Stage::Idle;
                }
                Ok(progress)
            }
            Stage::Open => self.hash_behind(flash, slots, STEP, scratch),
            _ => Ok(Progress::Ready),
        }
    }
}

/// An operation that may be split: not finished is no failure.
fn again(result: Result<(), Error>) -> Result<Progress, Error> {
    match result {
        Ok(()) => Ok(Progress::Ready),
        Err(Error::AGAIN) => Ok(Progress::More),
        Err(error) => Err(error),
    }
}
