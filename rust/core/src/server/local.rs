//! Updates and questions that come from the firmware itself: another radio, a user interface.

use super::{Host, Server, GONE};
use crate::group::is_acceptable;
use crate::image::{inspect, Header, Info, SwapType, Version};
use crate::Error;

/// Owner of a session that was opened by the firmware.
const LOCAL: u8 = 0xFF;

/// Bytes changed at once; on the stack.
const PIECE: usize = 64;

/// Changes bytes of a file before they are written; the number is their offset.
pub type Transform<'t> = dyn FnMut(u32, &mut [u8]) -> Result<(), Error> + 't;

/// How the firmware stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// Version in the primary slot.
    pub running: Option<Version>,
    /// Version of a whole image in the secondary slot.
    pub other: Option<Version>,
    /// What the bootloader will do at the next reset.
    pub next: SwapType,
}

impl Server<'_> {
    /// What a user interface wants to show.
    pub fn status<H: Host>(&mut self, host: &mut H) -> Status {
        let mut version = |slot| {
            let mut info = Info::default();
            let found = self.find_image(host, slot, &mut info);
            found.is_ok().then_some(info.header.version)
        };
        Status {
            running: version(0),
            other: version(1),
            next: self.writer.slots.swap_type(host),
        }
    }

    /// Keep the running image.
    pub fn confirm_running<H: Host>(&mut self, host: &mut H) -> Result<(), Error> {
        self.writer.slots.confirm(host)
    }

    /// Go back to the other image at the next reset. `AGAIN` while it is being checked.
    pub fn request_rollback<H: Host>(&mut self, host: &mut H) -> Result<(), Error> {
        if self.writer.is_active() || self.is_busy() {
            return Err(Error::BUSY);
        }
        match self.writer.slots.swap_type(host) {
            SwapType::Revert | SwapType::Test | SwapType::Perm => return Ok(()),
            _ => {}
        }
        if !self.writer.is_verified() {
            self.verify_step(host)?;
        }
        self.writer.slots.set_pending(host, false)
    }

    /// Schedule the image in the secondary slot. `AGAIN` while it is being checked.
    pub fn schedule_other<H: Host>(&mut self, host: &mut H, permanent: bool) -> Result<(), Error> {
        if self.writer.is_active() || self.is_busy() {
            return Err(Error::BUSY);
        }
        if self.writer.slots.swap_type(host) == SwapType::Revert {
            return Err(Error::BADSTATE);
        }
        if !self.writer.is_verified() {
            self.verify_step(host)?;
        }
        self.writer.slots.set_pending(host, permanent)
    }

    fn verify_step<H: Host>(&mut self, host: &mut H) -> Result<(), Error> {
        if !self.writer.is_verifying() {
            let slots = &self.writer.slots;
            let info = inspect(host, &slots.secondary, slots.limit)?;
            self.writer.begin_verify(info.hashed);
        }
        self.power(host);
        host.feed_watchdog();
        let step = self.writer.verify(host);
        if !matches!(step, Ok(()) | Err(Error::AGAIN)) {
            self.writer.abort();
        }
        self.power(host);
        step
    }

    /// Open a session for an image of `total` bytes.
    pub fn local_begin<H: Host>(
        &mut self,
        host: &mut H,
        total: u32,
        sha: Option<&[u8; 32]>,
        now: u32,
    ) -> Result<(), Error> {
        self.link_is_local();
        if self.is_busy() || self.is_taken(now) {
            return Err(Error::BUSY);
        }
        if self.writer.slots.is_on_trial(host) {
            return Err(Error::BADSTATE);
        }
        if total > self.writer.slots.limit {
            return Err(Error::TOOBIG);
        }
        if total < Header::SIZE {
            return Err(Error::INVAL);
        }
        if !host.may_start(total) {
            return Err(Error::DENIED);
        }
        let sha = sha.map_or((&[0; 32], 0), |sha| (sha, 32));
        self.writer.open(total, sha);
        self.owner = LOCAL;
        self.owner_seen = now;
        Ok(())
    }

    fn link_is_local(&mut self) {
        if !self.is_busy() {
            self.link = LOCAL;
        }
    }

    /// Whether the open session is the firmware's own.
    pub fn is_local(&self) -> bool {
        self.writer.is_active() && self.owner == LOCAL
    }

    /// Give bytes of the file from `offset` on. Returns the offset wanted next: the same one means
    /// "call again", another one that bytes were there already or could not be kept.
    ///
    /// One bounded step. The bytes at offset 0 are at least the 32 of the image header. An error
    /// ends the session.
    pub fn local_write<H: Host>(
        &mut self,
        host: &mut H,
        offset: u32,
        bytes: &[u8],
        now: u32,
        transform: &mut Transform<'_>,
    ) -> Result<u32, Error> {
        let result = self.local_step(host, offset, bytes, now, transform);
        if result.is_err() {
            self.local_abort();
        }
        result
    }

    fn local_step<H: Host>(
        &mut self,
        host: &mut H,
        offset: u32,
        bytes: &[u8],
        now: u32,
        transform: &mut Transform<'_>,
    ) -> Result<u32, Error> {
        if !self.is_local() {
            return Err(Error::BADSTATE);
        }
        self.owner_seen = now;
        let kept = self.writer.kept();
        if self.is_busy() || offset != kept || bytes.is_empty() {
            return Ok(kept);
        }
        let left = self.writer.total().saturating_sub(kept) as usize;
        let most = self.writer.scratch.len().min(self.writer.page.len());
        let n = bytes.len().min(left).min(most);
        let bytes = bytes.get(..n).unwrap_or_default();
        self.power(host);
        host.feed_watchdog();
        let step = if self.writer.is_prepared() {
            self.local_data(host, bytes, transform)
        } else {
            self.local_prepare(host, bytes, transform)
        };
        match step {
            Ok(()) | Err(Error::AGAIN) => Ok(self.writer.kept()),
            Err(error) => Err(error),
        }
    }

    fn local_data<H: Host>(
        &mut self,
        host: &mut H,
        bytes: &[u8],
        transform: &mut Transform<'_>,
    ) -> Result<(), Error> {
        self.writer.advance(host, bytes.len() as u32)?;
        for piece in bytes.chunks(PIECE) {
            let mut part = [0; PIECE];
            let part = part.get_mut(..piece.len()).unwrap_or_default();
            part.copy_from_slice(piece);
            transform(self.writer.position(), part)?;
            let mut left: &[u8] = part;
            while !left.is_empty() {
                let used = self.writer.push(host, left)?;
                left = left.get(used..).unwrap_or_default();
            }
        }
        self.writer.commit();
        host.progress(self.writer.kept(), self.writer.total());
        Ok(())
    }

    /// Look at the header, then make room: trailer erased and first sectors blank.
    fn local_prepare<H: Host>(
        &mut self,
        host: &mut H,
        bytes: &[u8],
        transform: &mut Transform<'_>,
    ) -> Result<(), Error> {
        if !self.writer.has_header() {
            let part = self.writer.scratch.get_mut(..bytes.len());
            let part = part.ok_or(Error::NOMEM)?;
            part.copy_from_slice(bytes);
            transform(0, part)?;
            let header = Header::parse(part).ok_or(Error::BADIMAGE)?;
            let (total, base) = (self.writer.total(), self.config.exec_base);
            if !self.config.any_file && !is_acceptable(&header, total, base) {
                return Err(Error::UNSUPPORTED);
            }
            self.writer.first(0, bytes.len());
        }
        self.writer.prepare(host)
    }

    /// All bytes were given: read back, hash, and leave a checked image. `AGAIN` until done.
    pub fn local_finish<H: Host>(&mut self, host: &mut H) -> Result<(), Error> {
        if !self.is_local() || !self.writer.is_full() {
            return Err(Error::BADSTATE);
        }
        if self.is_busy() {
            return Err(Error::AGAIN);
        }
        self.writer.finish(host)
    }

    /// Give up the firmware's own session.
    pub fn local_abort(&mut self) {
        if self.is_local() {
            self.writer.abort();
            self.owner = GONE;
        }
    }
}
