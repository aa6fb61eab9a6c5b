//! Image group: upload. The order of the checks is what clients rely on; nothing is erased before
//! all of them have passed (I6).

use crate::flash::Area;
use crate::image::{vectors_fit, Header, Info};
use crate::server::{Host, Job, Phase, Server, Take, CAPTURE};
use crate::smp::{field, image, rc, Fail};

/// Smallest TLV area: its header and one SHA-256 entry.
const TLV_MIN: u32 = 4 + 4 + 32;

/// Where a Cortex-M has its RAM.
const SRAM: (u32, u32) = (0x2000_0000, 0x2010_0000);

impl Server<'_> {
    /// A complete upload request; its data is captured or already with the writer.
    pub(crate) fn upload<H: Host>(&mut self, now: u32, host: &mut H) -> Result<(), Fail> {
        let off = self
            .reader
            .number(field::OFF)
            .ok_or(image::INVALID_OFFSET)?;
        if off == 0 {
            return self.first_chunk(now, host);
        }
        self.owner_seen = now;
        let streamed = matches!(self.take, Take::Stream | Take::Both);
        let data_len = self.data_len();
        if off != self.writer.kept() || !self.writer.is_active() {
            self.forget_request();
            self.answer_offset();
            return Ok(());
        }
        if data_len > self.writer.total() - off {
            self.forget_request();
            self.writer.abort();
            return Err(image::DATA_OVERRUN);
        }
        if streamed {
            self.owner = self.link;
            self.chunk = data_len;
            self.writer.commit();
        }
        self.received(host, false);
        Ok(())
    }

    fn data_len(&self) -> u32 {
        self.reader.data_len()
    }

    fn first_chunk<H: Host>(&mut self, now: u32, host: &mut H) -> Result<(), Fail> {
        // Data that came before its offset was taken for the next bytes of the session.
        if self.take == Take::Both {
            self.writer.rollback();
        }
        self.take = Take::Undecided;
        let len = self.check_arguments()?;
        let (sha, sha_len) = self.reader.hash();
        self.owner_seen = now;
        if self.writer.is_same(sha, sha_len) {
            self.owner = self.link;
            self.answer_offset();
            return Ok(());
        }
        self.check_target(len, host)?;
        self.owner = self.link;
        self.chunk = self.data_len();
        self.writer.open(len, self.reader.hash());
        self.writer.first(CAPTURE, usize::from(self.captured));
        self.phase = Phase::Work(Job::Prepare);
        Ok(())
    }

    /// What can be said from the request alone. Returns the length of the file.
    fn check_arguments(&self) -> Result<u32, Fail> {
        let (_, sha_len) = self.reader.hash();
        if self.data_len() < Header::SIZE {
            return Err(image::INVALID_IMAGE_HEADER);
        }
        let len = self
            .reader
            .number(field::LEN)
            .ok_or(image::INVALID_LENGTH)?;
        if !self.first_bytes().starts_with(&Header::MAGIC.to_le_bytes()) {
            return Err(image::INVALID_MAGIC);
        }
        if sha_len > 32 {
            return Err(image::INVALID_HASH);
        }
        Ok(len)
    }

    #[inline(never)]
    fn first_bytes(&self) -> &[u8] {
        let end = CAPTURE + usize::from(self.captured);
        self.writer.scratch.get(CAPTURE..end).unwrap_or_default()
    }

    /// What depends on the slots and on the image's own header.
    fn check_target<H: Host>(&mut self, len: u32, host: &mut H) -> Result<(), Fail> {
        if self.writer.slots.is_on_trial(host) {
            return Err(image::NO_FREE_SLOT);
        }
        if len > self.writer.slots.limit {
            return Err(image::TOO_LARGE);
        }
        if self.data_len() > len {
            return Err(image::DATA_OVERRUN);
        }
        let header = Header::parse(self.first_bytes()).ok_or(image::INVALID_IMAGE_HEADER)?;
        if !self.config.any_file && !is_acceptable(&header, len, self.config.exec_base) {
            return Err(image::INVALID_IMAGE_HEADER);
        }
        if self.reader.is_set(field::UPGRADE) {
            let mut running = Info::default();
            let found = self.find_image(host, 0, &mut running);
            let version = &running.header.version;
            if found.is_ok() && !header.version.is_newer_than(version) {
                return Err(image::VERSION_IS_NEWER);
            }
        }
        self.check_vectors(&header)?;
        if !host.may_start(len) {
            return Err(Fail::smp(rc::BAD_STATE));
        }
        Ok(())
    }

    /// The image must be linked for the slot it will run from. Vectors behind a large header are
    /// not in the first request: then there is nothing to check.
    fn check_vectors(&self, header: &Header) -> Result<(), Fail> {
        let Some(base) = self.config.exec_base else {
            return Ok(());
        };
        let slot = Area::new(0, 0, base, self.writer.slots.limit);
        let vectors = self.first_bytes().get(usize::from(header.hdr_size)..);
        match vectors.filter(|vectors| vectors.len() >= 8) {
            Some(vectors) if !vectors_fit(vectors, header, &slot, SRAM) => {
                Err(image::INVALID_VECTOR_TABLE)
            }
            _ => Ok(()),
        }
    }
}

/// Whether the bootloader could boot it: not so what is encrypted, compressed, split, or does not
/// fit into its own file.
pub(crate) fn is_acceptable(header: &Header, len: u32, base: Option<u32>) -> bool {
    let hashed = header.hashed_len().unwrap_or(u32::MAX);
    let whole = hashed.checked_add(TLV_MIN).is_some_and(|need| need <= len);
    let start = base.unwrap_or(header.load_addr);
    u32::from(header.hdr_size) >= Header::SIZE && whole && header.runs_from(start).is_ok()
}
