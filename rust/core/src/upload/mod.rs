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
//! Every function does at most one erase, one page program or 4 KB of reading, and answers
//! `Error::AGAIN` when it is to be called again: a result that fits into one register.

mod resume;
mod verify;

use crate::flash::{EraseSize, Flash, Geometry};
use crate::image::{blank, Digest, Header, Slots};
use crate::Error;

/// What a step answers: done, `Error::AGAIN`, or why it cannot be done.
pub type Step = Result<(), Error>;

/// Reading per step.
const STEP: u32 = 4096;

/// What the writer is busy with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Stage {
    /// No session.
    Idle,
    /// Hashing an image that was there already.
    Verify,
    /// A session without its first bytes.
    Header,
    /// Erasing the trailer sector.
    Trailer,
    /// Looking for what an interrupted upload left.
    Probe,
    /// Accepting data.
    Open,
    /// Everything arrived and is being read back.
    Finish,
    /// The check failed: the header sector is being erased.
    Spoiled,
    /// Erasing the slot because a client asked for it.
    Wipe,
}

/// Settings of a writer.
#[derive(Clone, Copy)]
pub struct Settings {
    /// Of the chip the secondary slot is on.
    pub geometry: Geometry,
    /// Longest erase that may delay a reply, in ms.
    pub step_ms: u32,
    /// Files that are not images are welcome.
    pub any_file: bool,
}

/// Session state, and the buffers of the work. Small fields come first: they are reached with
/// shorter instructions.
#[repr(C)]
pub struct Writer<'a> {
    stage: Stage,
    sha_len: u8,
    /// The slot holds an image that was read back and hashed since start.
    verified: bool,
    /// Bytes of a dropped request are in flash: content tells nothing about what was uploaded.
    tainted: bool,
    sector: u32,
    total: u32,
    kept: u32,
    position: u32,
    written: u32,
    /// The slot is known blank from `written`, rounded up, to here.
    blank: u32,
    /// Size and place of an erase that was started and is not finished. It outlives its session:
    /// the chip has to finish before it can do anything else.
    erasing: u32,
    erase_at: u32,
    hashed: u32,
    /// Where the image's own hash ends; 0 for a file that is no image.
    hashed_end: u32,
    /// Where the search for a blank sector goes on.
    probe: u32,
    /// The slots, the secondary of which is written.
    pub slots: Slots,
    /// Programmed at once.
    pub page: &'a mut [u8],
    /// Replies, captured data, pieces that are read.
    pub scratch: &'a mut [u8],
    settings: Settings,
    digest: Digest,
    image_hash: [u8; 32],
    sha: [u8; 32],
}

impl<'a> Writer<'a> {
    /// A writer for the secondary slot.
    pub fn new(
        slots: Slots,
        settings: Settings,
        page: &'a mut [u8],
        scratch: &'a mut [u8],
    ) -> Writer<'a> {
        Writer {
            stage: Stage::Idle,
            sha_len: 0,
            verified: false,
            tainted: false,
            sector: settings.geometry.sector(),
            total: 0,
            kept: 0,
            position: 0,
            written: 0,
            blank: 0,
            erasing: 0,
            erase_at: 0,
            hashed: 0,
            hashed_end: 0,
            probe: 0,
            slots,
            page,
            scratch,
            settings,
            // A session starts it.
            digest: Digest::idle(),
            image_hash: [0; 32],
            sha: [0; 32],
        }
    }

    /// Whether a session is open.
    pub fn is_active(&self) -> bool {
        self.total != 0
    }

    /// Whether there is work in hand, so that the flash must stay awake.
    #[inline(never)]
    pub fn is_awake(&self) -> bool {
        self.stage != Stage::Idle
    }

    /// Whether the content of the slot cannot be shown: being written or erased.
    pub fn is_hiding(&self) -> bool {
        self.stage as u8 > Stage::Verify as u8
    }

    /// Bytes kept of the session: the offset a client is told. 0 without a session.
    pub fn kept(&self) -> u32 {
        self.kept
    }

    /// Length of the session's file; 0 without a session.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Whether the slot was read back, hashed and found right since start.
    pub fn is_verified(&self) -> bool {
        self.verified
    }

    /// Whether `sha` names the file of the open session, and some of it was kept: a client that is
    /// told offset 0 begins again, for ever.
    pub fn is_same(&self, sha: &[u8; 32], len: u32) -> bool {
        let end = len as usize;
        self.is_prepared()
            && len != 0
            && u32::from(self.sha_len) == len
            && self.sha.get(..end) == sha.get(..end)
    }

    /// Forget the session. What is in flash stays; its trailer sector was erased.
    #[inline(never)]
    pub fn abort(&mut self) {
        self.stage = Stage::Idle;
        self.verified = false;
        self.total = 0;
        self.restart_at(0);
    }

    /// Open a session for a file of `total` bytes; `first` has to follow.
    pub fn open(&mut self, total: u32, sha: (&[u8; 32], u32)) {
        self.abort();
        self.total = total;
        (self.sha, self.sha_len) = (*sha.0, sha.1 as u8);
        self.stage = Stage::Header;
    }

    /// The beginning of the file, which lies in scratch. What fits into the page is kept.
    #[inline(never)]
    pub fn first(&mut self, from: usize, len: usize) {
        self.stage = Stage::Trailer;
        let len = len.min(self.page.len());
        let first = self.scratch.get(from..).and_then(|rest| rest.get(..len));
        if let (Some(to), Some(first)) = (self.page.get_mut(..len), first) {
            let header = Header::parse(first);
            self.hashed_end = header.and_then(|header| header.hashed_len()).unwrap_or(0);
            to.copy_from_slice(first);
            self.position = len as u32;
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

    #[inline(never)]
    fn restart_at(&mut self, offset: u32) {
        self.kept = offset;
        self.position = offset;
        self.written = offset;
        self.blank = offset;
        self.hashed = 0;
        self.digest = Digest::new();
    }

    /// A step towards the reply to the first request. Then `kept` is what to tell the client.
    #[inline(never)]
    pub fn prepare<F: Flash>(&mut self, flash: &mut F) -> Step {
        if self.stage == Stage::Trailer {
            self.end_erase(flash)?;
            self.slots.erase_trailer(flash)?;
            return self.probe_or_open(flash);
        }
        if self.stage == Stage::Probe {
            return self.probe(flash);
        }
        self.erase_ahead(flash, self.floor(self.position) + 2 * self.sector)?;
        self.kept = self.position;
        Ok(())
    }

    /// A step towards the reply to a later request of `chunk` bytes: room for one more of those.
    pub fn advance<F: Flash>(&mut self, flash: &mut F, chunk: u32) -> Step {
        // The next request may carry a little more, since a larger offset is all that grows.
        let room = (chunk + 64).max(256).min(self.sector);
        let goal = self.floor(self.kept + room - 1) + 2 * self.sector;
        self.erase_ahead(flash, goal)
    }

    /// Sectors are powers of two.
    fn floor(&self, offset: u32) -> u32 {
        offset & self.sector.wrapping_neg()
    }

    /// First sector boundary at or behind the end of the file.
    fn end(&self) -> u32 {
        self.floor(self.total + self.sector - 1)
    }

    /// Up to where data may be written now: the last blank sector stays as a mark.
    fn allowed(&self) -> u32 {
        if self.blank >= self.end() {
            self.total
        } else {
            self.blank.saturating_sub(self.sector)
        }
    }

    /// One erase, or one look at whether it is needed, until `goal` is blank.
    fn erase_ahead<F: Flash>(&mut self, flash: &mut F, goal: u32) -> Step {
        self.end_erase(flash)?;
        let end = match self.stage {
            Stage::Wipe => self.slots.secondary.size,
            _ => self.end(),
        };
        if self.blank >= goal.min(end) {
            return Ok(());
        }
        match blank(
            flash,
            &self.slots.secondary,
            self.blank,
            self.sector,
            self.scratch,
        ) {
            Ok(()) => {
                self.blank += self.sector;
                Err(Error::AGAIN)
            }
            Err(Error::BADSTATE) => {
                self.erasing = self.erase_size();
                self.erase_at = self.blank;
                self.end_erase(flash)
            }
            other => other,
        }
    }

    /// Go on with an erase that was started, if there is one: that is a step of its own.
    fn end_erase<F: Flash>(&mut self, flash: &mut F) -> Step {
        if self.erasing == 0 {
            return Ok(());
        }
        let area = &self.slots.secondary;
        let step = area.erase(flash, self.erase_at, self.erasing);
        if step != Err(Error::AGAIN) {
            if step.is_ok() && self.blank == self.erase_at {
                self.blank += self.erasing;
            }
            self.erasing = 0;
        }
        step.and(Err(Error::AGAIN))
    }

    /// Whether the chip was told to erase and has not finished.
    pub fn is_erasing(&self) -> bool {
        self.erasing != 0
    }

    /// The chip does not finish: forget the erase, and the session with it.
    pub fn give_up(&mut self) {
        self.erasing = 0;
        self.abort();
    }

    /// The largest erase that starts here, stays inside the slot and is fast enough.
    fn erase_size(&self) -> u32 {
        let room = self.slots.secondary.size - self.blank;
        let at = self.slots.secondary.offset + self.blank;
        let mut best = self.sector;
        for EraseSize { size, max_ms } in self.settings.geometry.erase {
            let aligned = at & size.wrapping_sub(1) == 0;
            if size > best && size <= room && aligned && max_ms <= self.settings.step_ms {
                best = size;
            }
        }
        best
    }

    /// Take bytes of the file, up to a full page; returns how many were looked at. A page that is
    /// full already is programmed first, which ends the step (see `written`). Bytes there is no
    /// room for are dropped: the client is told.
    #[inline(never)]
    pub fn push<F: Flash>(&mut self, flash: &mut F, bytes: &[u8]) -> Result<usize, Error> {
        let allowed = self.allowed().saturating_sub(self.position) as usize;
        if allowed == 0 {
            return Ok(bytes.len());
        }
        let mut fill = (self.position - self.written) as usize;
        if fill == self.page.len() {
            self.slots.secondary.write(flash, self.written, self.page)?;
            self.written = self.position;
            fill = 0;
        }
        let room = self.page.get_mut(fill..).unwrap_or_default();
        let n = bytes.len().min(allowed).min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..n), bytes.get(..n)) {
            to.copy_from_slice(from);
            self.position += n as u32;
        }
        Ok(n)
    }

    /// Offset of the next byte that `push` takes.
    pub fn position(&self) -> u32 {
        self.position
    }

    /// Up to where pages were programmed.
    pub fn written(&self) -> u32 {
        self.written
    }

    /// The request was whole and its offset right: its bytes count.
    pub fn commit(&mut self) {
        self.kept = self.position;
    }

    /// The request was not for us: take back what it brought.
    ///
    /// If a page of it was programmed already, its sector is given back and asked for again; with
    /// the first sector goes the whole session, because only a first request can bring that.
    #[inline(never)]
    pub fn rollback(&mut self) {
        if self.written > self.kept {
            let floor = self.floor(self.kept);
            self.tainted = true;
            if floor == 0 {
                return self.abort();
            }
            self.kept = floor;
            self.written = floor;
            self.blank = floor;
        }
        self.position = self.kept;
    }

    /// Erase the slot: trailer and header now, the rest by `background`.
    pub fn begin_wipe(&mut self) {
        self.abort();
        self.stage = Stage::Trailer;
    }

    /// A step of the erase a client waits for.
    pub fn wipe<F: Flash>(&mut self, flash: &mut F) -> Step {
        if self.stage == Stage::Trailer {
            self.end_erase(flash)?;
            self.slots.erase_trailer(flash)?;
            self.stage = Stage::Wipe;
            return Err(Error::AGAIN);
        }
        self.erase_ahead(flash, 1)
    }

    /// A step nobody waits for.
    pub fn background<F: Flash>(&mut self, flash: &mut F) -> Step {
        match self.stage {
            Stage::Wipe => {
                self.erase_ahead(flash, u32::MAX)?;
                self.stage = Stage::Idle;
                Ok(())
            }
            Stage::Open => self.hash_behind(flash),
            _ => Ok(()),
        }
    }
}
