//! Reply writer: CBOR into a bounded buffer. A reply that does not fit is noticed at the end, so
//! that the code between needs no error handling.

use core::convert::Infallible;
use minicbor::encode::Write;
use minicbor::Encoder;

/// Bytes of a text moved at once.
const PIECE: usize = 16;

/// A reply under construction: 8 bytes left free for the header, then one indefinite map.
pub struct Reply<'b> {
    encoder: Encoder<Sink<'b>>,
}

struct Sink<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl Write for Sink<'_> {
    type Error = Infallible;

    // Not inlined: called from every kind of item, and size counts more.
    #[inline(never)]
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        let room = self.buffer.get_mut(self.len..);
        if let Some(room) = room.and_then(|room| room.get_mut(..bytes.len())) {
            room.copy_from_slice(bytes);
        }
        self.len += bytes.len();
        Ok(())
    }
}

impl<'b> Reply<'b> {
    /// Start a map behind the place of the header.
    #[inline(never)]
    pub fn new(buffer: &'b mut [u8]) -> Reply<'b> {
        let mut reply = Reply {
            encoder: Encoder::new(Sink { buffer, len: 8 }),
        };
        reply.begin_map();
        reply
    }

    /// End the map. Length of the packet with its header, or `None` if it did not fit.
    #[inline(never)]
    pub fn finish(mut self) -> Option<usize> {
        self.end();
        let sink = self.encoder.writer();
        (sink.len <= sink.buffer.len()).then_some(sink.len)
    }

    /// Whether all so far fitted and `more` bytes would.
    pub fn fits(&self, more: usize) -> bool {
        let sink = self.encoder.writer();
        sink.len.saturating_add(more) <= sink.buffer.len()
    }

    /// Open a map.
    pub fn begin_map(&mut self) {
        let _ = self.encoder.begin_map();
    }

    /// A key whose value is a map.
    #[inline(never)]
    pub fn key_map(&mut self, key: &str) {
        self.text(key);
        self.begin_map();
    }

    /// A key whose value is an array.
    pub fn key_array(&mut self, key: &str) {
        self.text(key);
        let _ = self.encoder.begin_array();
    }

    /// Close a map or an array.
    #[inline(never)]
    pub fn end(&mut self) {
        let _ = self.encoder.end();
    }

    /// A key, or any text.
    pub fn text(&mut self, text: &str) {
        self.ascii_key(text.as_bytes());
    }

    /// Text that already lies in the buffer at `from`, behind the place it belongs to.
    pub fn moved_text(&mut self, key: &str, from: usize, len: usize) {
        self.text(key);
        self.text_head(len);
        let sink = self.encoder.writer_mut();
        // Forwards and in pieces, so that overlapping is harmless: the target lies in front.
        let mut at = from;
        while let Some(n) = Some((from + len - at).min(PIECE)).filter(|n| *n != 0) {
            let mut piece = [0; PIECE];
            let piece = piece.get_mut(..n).unwrap_or_default();
            if let Some(text) = sink.buffer.get(at..).and_then(|text| text.get(..n)) {
                piece.copy_from_slice(text);
            }
            let _ = sink.write_all(piece);
            at += n;
        }
    }

    /// The head of a text of so many bytes, which follow.
    pub fn text_head(&mut self, len: usize) {
        let _ = self.encoder.str_len(len as u64);
    }

    /// A number.
    #[inline(never)]
    pub fn number(&mut self, key: &str, value: u32) {
        self.text(key);
        self.raw_number(&[], value);
    }

    /// A boolean.
    #[inline(never)]
    pub fn boolean(&mut self, key: &str, value: bool) {
        self.text(key);
        let _ = self.encoder.bool(value);
    }

    /// A byte string.
    pub fn bytes(&mut self, key: &str, value: &[u8]) {
        self.text(key);
        let _ = self.encoder.bytes(value);
    }

    /// Text that is known to be ASCII.
    #[inline(never)]
    pub fn ascii(&mut self, key: &str, text: &[u8]) {
        self.text(key);
        self.ascii_key(text);
    }

    /// A key that is known to be ASCII.
    #[inline(never)]
    pub fn ascii_key(&mut self, text: &[u8]) {
        self.text_head(text.len());
        self.raw(text);
    }

    /// A number behind bytes that are CBOR already.
    #[inline(never)]
    pub fn raw_number(&mut self, before: &[u8], value: u32) {
        self.raw(before);
        // The head of a byte string of that length is the number, but for the type in three bits.
        // The encoder's own numbers are the same code once more.
        let at = self.encoder.writer().len;
        let _ = self.encoder.bytes_len(value.into());
        if let Some(head) = self.encoder.writer_mut().buffer.get_mut(at) {
            *head &= 0x1F;
        }
    }

    /// Bytes that are CBOR already.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.encoder.writer_mut().write_all(bytes);
    }
}
