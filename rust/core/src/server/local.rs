//! Updates and questions that come from the firmware itself: another radio, a user interface.

use super::{Host, Server};
use crate::group::is_acceptable;
use crate::image::{inspect, Header, SwapType, Version};
use crate::upload::{Progress, Verdict};
use crate::Error;

/// Owner of a session that was opened by the firmware.
const LOCAL: u8 = 0xFF;

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
        let version = |info: Option<crate::image::Info>| info.map(|info| info.header.version);
        Status {
            running: version(self.image_info(host, 0)),
            other: version(self.image_info(host, 1)),
            next: self.slots.swap_type(host),
        }
    }

    /// Keep the running image.
    pub fn confirm_running<H: Host>(&mut self, host: &mut H) -> Result<(), Error> {
        self.slots.confirm(host)
    }

    /// Go back to the other image at the next reset. `AGAIN` while it is being checked.
    pub fn request_rollback<H: Host>(&mut self, host: &mut H) -> Result<(), Error> {
        if self.writer.is_active() || self.is_busy() {
            return Err(Error::BUSY);
        }
        match self.slots.swap_type(host) {
            SwapType::Revert | SwapType::Test | SwapType::Perm => return Ok(()),
            _ => {}
        }
        if !self.writer.is_verified() {
            self.verify_step(host)?;
        }
        self.slots.set_pending(host, false)
    }

    /// Schedule the image in the secondary slot. `AGAIN` while it is being checked.
    pub fn schedule_other<H: Host>(&mut self, host: &mut H, permanent: bool) -> Result<(), Error> {
        if self.writer.is_active() || self.is_busy() {
            return Err(Error::BUSY);
        }
        if self.slots.swap_type(host) == SwapType::Revert {
            return Err(Error::BADSTATE);
        }
        if !self.writer.is_verified() {
            self.verify_step(host)?;
        }
        self.slots.set_pending(host, permanent)
    }

    fn verify_step<H: Host>(&mut self, host: &mut H) -> Result<(), Error> {
        if !self.writer.is_verifying() {
            let info = inspect(host, &self.slots.secondary, self.slots.limit)?;
            self.writer.begin_verify(info.hashed);
        }
        match self.writer.verify(host, &self.slots, self.scratch)? {
            Verdict::More => Err(Error::AGAIN),
            Verdict::Good => Ok(()),
            Verdict::Bad => Err(Error::BADIMAGE),
        }
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
        if self.slots.swap_type(host) == SwapType::Revert {
            return Err(Error::BADSTATE);
        }
        if total > self.slots.limit {
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
        self.owner = Some(LOCAL);
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
        self.writer.is_active() && self.owner == Some(LOCAL)
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
        transform: &mut dyn FnMut(u32, &mut [u8]) -> Result<(), Error>,
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
        transform: &mut dyn FnMut(u32, &mut [u8]) -> Result<(), Error>,
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
        let n = bytes.len().min(left).min(self.scratch.len()).min(self.page.len());
        let bytes = bytes.get(..n).unwrap_or_default();
        self.power(host);
        host.feed_watchdog();
        if !self.writer.is_prepared() {
            self.local_prepare(host, bytes, transform)?;
        } else if self.local_room(host, n as u32)? {
            let part = staged(self.scratch, bytes)?;
            transform(kept, part)?;
            let mut rest: &[u8] = part;
            while !rest.is_empty() {
                let (used, _) = self.writer.push(host, &self.slots, rest, self.page)?;
                rest = rest.get(used..).unwrap_or_default();
            }
            self.writer.commit();
            host.progress(self.writer.kept(), self.writer.total());
        }
        Ok(self.writer.kept())
    }

    fn local_room<H: Host>(&mut self, host: &mut H, n: u32) -> Result<bool, Error> {
        let step = self.writer.advance(host, &self.slots, n, self.scratch)?;
        Ok(step == Progress::Ready)
    }

    /// Look at the header, then make room: trailer erased and first sectors blank.
    fn local_prepare<H: Host>(
        &mut self,
        host: &mut H,
        bytes: &[u8],
        transform: &mut dyn FnMut(u32, &mut [u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !self.writer.has_header() {
            let part = staged(self.scratch, bytes)?;
            transform(0, part)?;
            let header = Header::parse(part).ok_or(Error::BADIMAGE)?;
            let (total, base) = (self.writer.total(), self.config.exec_base);
            if !self.config.any_file && !is_acceptable(&header, total, base) {
                return Err(Error::UNSUPPORTED);
            }
            self.writer.first(part, self.page);
        }
        let (slots, page) = (&self.slots, &*self.page);
        self.writer.prepare(host, slots, page, self.scratch)?;
        Ok(())
    }

    /// All bytes were given: read back, hash, and leave a checked image. `AGAIN` until done.
    pub fn local_finish<H: Host>(&mut self, host: &mut H) -> Result<(), Error> {
        if !self.is_local() || !self.writer.is_full() {
            return Err(Error::BADSTATE);
        }
        if self.is_busy() {
            return Err(Error::AGAIN);
        }
        let (slots, page) = (&self.slots, &mut *self.page);
        match self.writer.finish(host, slots, page, self.scratch)? {
            Verdict::More => Err(Error::AGAIN),
            Verdict::Good => Ok(()),
            Verdict::Bad => Err(Error::BADIMAGE),
        }
    }

    /// Give up the firmware's own session.
    pub fn local_abort(&mut self) {
        if self.is_local() {
            self.writer.abort();
            self.owner = None;
        }
    }
}

/// A copy that may be changed.
fn staged<'s>(scratch: &'s mut [u8], bytes: &[u8]) -> Result<&'s mut [u8], Error> {
    let part = scratch.get_mut(..bytes.len()).ok_or(Error::NOMEM)?;
    part.copy_from_slice(bytes);
    Ok(part)
}
