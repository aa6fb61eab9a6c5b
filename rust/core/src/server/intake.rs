//! From bytes to a complete request. The bytes of `data` go straight to the slot writer.

use super::{Host, Phase, Server, Take, CAPTURE, GONE, OWNER_MS};
use crate::smp::{field, image, rc, Command, Event, Fail, Header, Spec, READ, WRITE};

impl Server<'_> {
    /// Take bytes that arrived on `link`. Returns how many; the others are to be given again.
    ///
    /// Stops at the end of a request, and after one page was programmed. With `hold` the request
    /// is not carried out before `release`: its check sum is still to come.
    pub fn input<H: Host>(
        &mut self,
        link: u8,
        bytes: &[u8],
        hold: bool,
        now: u32,
        host: &mut H,
    ) -> usize {
        if self.phase != Phase::Receive || (self.head_len != 0 && self.link != link) {
            return 0;
        }
        self.link = link;
        self.last_input = now;
        let mut rest = bytes;
        while self.head_len < Header::SIZE as u8 {
            let [byte, tail @ ..] = rest else {
                return bytes.len();
            };
            if let Some(slot) = self.head.get_mut(usize::from(self.head_len)) {
                *slot = *byte;
            }
            self.head_len += 1;
            rest = tail;
            if self.head_len == Header::SIZE as u8 {
                self.begin_request(now, host);
            }
        }
        let taken = bytes.len() - rest.len() + self.payload(rest, host);
        if self.left == 0 && !hold {
            self.execute(now, host);
        }
        taken
    }

    /// Whether a request is partly here; `left` bytes of it are missing.
    pub fn is_receiving(&self) -> bool {
        self.head_len != 0
    }

    /// The check sum of a held request was right (`Ok`) or not.
    #[inline(never)]
    pub fn release<H: Host>(&mut self, intact: bool, now: u32, host: &mut H) {
        if self.phase != Phase::Receive || self.head_len == 0 {
            return;
        }
        if !intact {
            self.forget_request();
        } else if self.left == 0 && self.head_len == Header::SIZE as u8 {
            self.execute(now, host);
        } else {
            self.cut_short(Fail::smp(rc::CORRUPT));
        }
    }

    /// The datagram ended: what is incomplete stays so.
    pub fn end_of_datagram(&mut self) {
        if self.phase == Phase::Receive && self.head_len != 0 {
            self.cut_short(Fail::smp(rc::CORRUPT));
        }
    }

    /// The rest of the request was lost for want of space. A client must not wait for a reply that
    /// never comes: an upload is told where it stands, anything else that memory is short.
    pub fn overrun(&mut self) {
        if self.phase == Phase::Receive && self.head_len != 0 {
            let upload = self.is_upload() && self.verdict.is_none();
            self.cut_short(Fail::smp(rc::NO_MEMORY));
            if upload && self.phase == Phase::Reply {
                self.answer_offset();
            }
        }
    }

    fn cut_short(&mut self, fail: Fail) {
        let answerable = self.head_len == Header::SIZE as u8;
        self.forget_request();
        if answerable {
            self.answer_fail(fail);
        }
    }

    pub(crate) fn is_upload(&self) -> bool {
        self.spec.command == Command::ImageUpload
    }

    /// Drop the request in hand and take back what it brought.
    #[inline(never)]
    pub(crate) fn forget_request(&mut self) {
        if matches!(self.take, Take::Stream | Take::Both) {
            self.writer.rollback();
        }
        self.take = Take::Undecided;
        self.head_len = 0;
        self.left = 0;
    }

    #[inline(never)]
    fn begin_request<H: Host>(&mut self, now: u32, host: &mut H) {
        self.header = Header::parse(&self.head);
        self.left = self.header.length;
        self.take = Take::Undecided;
        self.captured = 0;
        let header = &self.header;
        self.spec = Spec::find(header.group, header.command, header.op);
        self.verdict = self.judge(now, host).err();
        self.reader.begin(self.spec.fields);
    }

    /// All that can be said before the payload is read.
    fn judge<H: Host>(&mut self, now: u32, host: &mut H) -> Result<(), Fail> {
        let header = &self.header;
        if header.version > 1 && (header.op == READ || header.op == WRITE) {
            return Err(Fail::smp(rc::TOO_NEW));
        }
        if self.spec.command == Command::Unknown {
            return Err(Fail::smp(rc::NOT_SUPPORTED));
        }
        host.permit(self.link, &self.header)?;
        if self.is_upload() && self.is_taken(now) {
            return Err(Fail::smp(rc::BUSY));
        }
        Ok(())
    }

    /// Whether the upload session belongs to another link that is still at it (I8).
    pub(crate) fn is_taken(&self, now: u32) -> bool {
        self.writer.is_active()
            && self.owner != self.link
            && self.owner != GONE
            && now.wrapping_sub(self.owner_seen) < OWNER_MS
    }

    /// Read payload bytes; returns how many.
    fn payload<H: Host>(&mut self, bytes: &[u8], host: &mut H) -> usize {
        let n = bytes.len().min(usize::from(self.left));
        let mut rest = bytes.get(..n).unwrap_or_default();
        if self.verdict.is_some() {
            self.left -= n as u16;
            return n;
        }
        let written = self.writer.written();
        while !rest.is_empty() && self.writer.written() == written {
            let text = self.writer.scratch.get_mut(CAPTURE..).unwrap_or_default();
            let (used, event) = self.reader.feed(rest, text);
            rest = behind(rest, used);
            if event == Event::Data {
                let used = self.data(rest, host);
                rest = behind(rest, used);
            }
        }
        let taken = n - rest.len();
        self.left -= taken as u16;
        taken
    }

    /// Bytes of `data` lie at the front of `bytes`. Returns how many were taken.
    fn data<H: Host>(&mut self, bytes: &[u8], host: &mut H) -> usize {
        if self.take == Take::Undecided {
            self.take = self.decide();
        }
        let mut n = bytes.len().min(self.reader.data_left());
        if matches!(self.take, Take::Stream | Take::Both) {
            let part = bytes.get(..n).unwrap_or_default();
            match self.writer.push(host, part) {
                Ok(used) => n = used,
                Err(error) => {
                    host.failed(error);
                    self.verdict = Some(image::WRITE_FAILED);
                    self.writer.abort();
                    self.take = Take::Drop;
                }
            }
        }
        if matches!(self.take, Take::Capture | Take::Both) {
            self.capture(bytes.get(..n).unwrap_or_default());
        }
        self.reader.data_used(n);
        n
    }

    /// Data may come before the fields that say what it is.
    fn decide(&self) -> Take {
        let kept = self.writer.kept();
        match self.reader.number(field::OFF) {
            Some(0) => Take::Capture,
            Some(off) if off == kept => Take::Stream,
            Some(_) => Take::Drop,
            None if kept == 0 => Take::Capture,
            None => Take::Both,
        }
    }

    /// Keep the beginning of a file, up to a page of it.
    fn capture(&mut self, part: &[u8]) {
        let at = usize::from(self.captured);
        let room = self.writer.scratch.get_mut(CAPTURE..).unwrap_or_default();
        let most = room.len().min(self.writer.page.len());
        let n = part.len().min(most.saturating_sub(at));
        if let (Some(to), Some(from)) = (room.get_mut(at..at + n), part.get(..n)) {
            to.copy_from_slice(from);
            self.captured += n as u16;
        }
    }

    fn execute<H: Host>(&mut self, now: u32, host: &mut H) {
        self.head_len = 0;
        let result = match self.verdict {
            Some(fail) => Err(fail),
            None => self.run(self.spec, now, host),
        };
        if let Err(fail) = result {
            self.forget_request();
            self.answer_fail(fail);
        }
        self.take = Take::Undecided;
    }

    fn run<H: Host>(&mut self, spec: &Spec, now: u32, host: &mut H) -> Result<(), Fail> {
        let empty = self.header.length == 0 && spec.command != Command::Echo;
        if !(self.reader.is_complete() || empty || spec.lenient()) {
            return Err(Fail::smp(rc::INVALID));
        }
        match spec.command {
            Command::ImageUpload => self.upload(now, host),
            Command::ImageState => {
                self.image_state(host);
                Ok(())
            }
            Command::ImageStateWrite => self.image_state_write(host),
            Command::ImageErase => self.image_erase(host, now),
            Command::ImageSlotInfo => self.slot_info(),
            _ => self.os(spec.command, host),
        }
    }
}

/// What is left of `bytes` when `n` of them were taken.
fn behind(bytes: &[u8], n: usize) -> &[u8] {
    bytes.get(n..).unwrap_or_default()
}
