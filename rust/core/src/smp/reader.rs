//! Streaming CBOR reader for requests.
//!
//! A request never has to fit into RAM: bytes are consumed as they come. Numbers and short strings
//! are kept in the reader, text goes to a buffer of the caller, and at the bytes of `data` the
//! reader stops and lets the caller take them (`Event::Data`).
//!
//! The work is bounded by the bytes of the packet; nesting of skipped values by `DEPTH`.

use super::command::{field, KEYS, KEY_MAX};

/// Levels of arrays, maps and indefinite strings inside an unknown key.
const DEPTH: usize = 8;
const INDEFINITE: u32 = u32::MAX;
const UNKNOWN: u8 = 0xFF;

/// What the caller has to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// All input was consumed.
    More,
    /// The next input bytes are `data`: take some, then tell `data_used`.
    Data,
}

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum State {
    /// The map is complete: the rest is ignored. First, so that a new reader is all zero.
    Done,
    /// Bytes of a key.
    Key,
    /// Bytes of the hash field.
    Hash,
    /// Bytes of the text field.
    Text,
    /// String bytes nobody wants.
    Drop,
    /// Bytes of the data field.
    Data,
    /// Initial byte of an item.
    Item,
    /// Argument bytes of an item.
    Argument,
    /// Damaged: the rest is ignored.
    Bad,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Key,
    Value,
    Skip,
}

/// Reader of one request. Small fields come first: they are reached with shorter instructions.
#[repr(C)]
pub struct Reader {
    state: State,
    place: Place,
    field: u8,
    /// First byte of the item being read.
    initial: u8,
    argument_left: u8,
    depth: u8,
    key_len: u8,
    wanted: u16,
    seen: u16,
    argument: u32,
    /// String bytes left.
    left: u32,
    /// Map entries left.
    entries: u32,
    hash_len: u32,
    text_len: u32,
    data_len: u32,
    numbers: [u32; field::NUMBERS],
    levels: [u32; DEPTH],
    key: [u8; KEY_MAX],
    hash: [u8; 32],
}

impl Reader {
    /// A reader that has to be given a field set by `begin`.
    pub const fn new() -> Reader {
        Reader {
            wanted: 0,
            seen: 0,
            state: State::Done,
            place: Place::Top,
            field: 0,
            initial: 0,
            argument_left: 0,
            depth: 0,
            key_len: 0,
            key: [0; KEY_MAX],
            argument: 0,
            left: 0,
            entries: 0,
            levels: [0; DEPTH],
            numbers: [0; field::NUMBERS],
            hash: [0; 32],
            hash_len: 0,
            text_len: 0,
            data_len: 0,
        }
    }

    /// Start a request that reads the fields of `wanted`.
    #[inline(never)]
    pub fn begin(&mut self, wanted: u16) {
        self.wanted = wanted;
        self.seen = 0;
        self.state = State::Item;
        self.place = Place::Top;
        self.depth = 0;
        self.hash_len = 0;
        self.text_len = 0;
        self.data_len = 0;
    }

    /// Whether a complete map was read.
    pub fn is_complete(&self) -> bool {
        self.state == State::Done
    }

    /// Value of a number or boolean field, if it was there and not null.
    pub fn number(&self, field: u8) -> Option<u32> {
        self.has(field)
            .then(|| self.numbers.get(usize::from(field)).copied())
            .flatten()
    }

    /// Whether a boolean field was there and true.
    pub fn is_set(&self, field: u8) -> bool {
        self.number(field).is_some_and(|value| value != 0)
    }

    /// Whether a field was there and not null.
    pub fn has(&self, field: u8) -> bool {
        self.seen >> field & 1 != 0
    }

    /// The hash field and its length as sent; only the first 32 bytes are kept.
    pub fn hash(&self) -> (&[u8; 32], u32) {
        (&self.hash, self.hash_len)
    }

    /// Length of the text as sent; more than the buffer holds means it was cut.
    pub fn text_len(&self) -> u32 {
        self.text_len
    }

    /// Length of the data string, known from its first byte on.
    pub fn data_len(&self) -> u32 {
        self.data_len
    }

    /// Consume input. Text is stored in `text`. Returns how much was consumed and why it stopped.
    #[inline(never)]
    pub fn feed(&mut self, input: &[u8], text: &mut [u8]) -> (usize, Event) {
        let mut rest = input;
        while let [byte, tail @ ..] = rest {
            match self.state {
                State::Item => self.item(*byte),
                State::Argument => self.argument_byte(*byte),
                State::Data => return (input.len() - rest.len(), Event::Data),
                State::Done | State::Bad => return (input.len(), Event::More),
                _ => {
                    let n = rest.len().min(self.left as usize);
                    let (part, behind) = rest.split_at_checked(n).unwrap_or((rest, &[]));
                    self.string(part, text);
                    rest = behind;
                    continue;
                }
            }
            rest = tail;
        }
        (input.len(), Event::More)
    }

    /// `n` bytes of data were taken.
    #[inline(never)]
    pub fn data_used(&mut self, n: usize) {
        self.left = self.left.saturating_sub(n as u32);
        if self.left == 0 && self.state == State::Data {
            self.value_end();
        }
    }

    /// Data bytes still to come.
    pub fn data_left(&self) -> usize {
        self.left as usize
    }

    fn item(&mut self, byte: u8) {
        self.initial = byte;
        self.argument = 0;
        let info = byte & 0x1F;
        match info {
            0..=23 => {
                self.argument = u32::from(info);
                self.item_end();
            }
            24..=27 => {
                self.argument_left = 1 << (info - 24);
                self.state = State::Argument;
            }
            31 => self.item_end(),
            _ => self.bad(),
        }
    }

    /// Arguments above 32 bits saturate: no length or offset that large is ever acceptable.
    fn argument_byte(&mut self, byte: u8) {
        self.argument = if self.argument >> 24 != 0 {
            INDEFINITE
        } else {
            self.argument << 8 | u32::from(byte)
        };
        self.argument_left -= 1;
        if self.argument_left == 0 {
            self.item_end();
        }
    }

    fn item_end(&mut self) {
        self.state = State::Item;
        match self.place {
            Place::Top => self.top(),
            Place::Key => self.key_item(),
            Place::Value => self.value_item(),
            Place::Skip => self.skip_item(),
        }
    }

    /// Damaged: a field whose value was not read does not count as there.
    #[inline(never)]
    fn bad(&mut self) {
        self.state = State::Bad;
        if self.place == Place::Value && self.field != UNKNOWN {
            self.seen &= !(1 << self.field);
        }
    }

    fn major(&self) -> u8 {
        self.initial >> 5
    }

    fn is_indefinite(&self) -> bool {
        self.initial & 0x1F == 31
    }

    fn top(&mut self) {
        if self.major() != 5 {
            self.bad();
            return;
        }
        self.entries = if self.is_indefinite() {
            INDEFINITE
        } else {
            self.argument.min(INDEFINITE - 1)
        };
        self.next_entry();
    }

    fn next_entry(&mut self) {
        self.place = Place::Key;
        self.state = if self.entries == 0 {
            State::Done
        } else {
            State::Item
        };
    }

    fn key_item(&mut self) {
        if self.initial == 0xFF && self.entries == INDEFINITE {
            self.state = State::Done;
        } else if self.major() == 3 && !self.is_indefinite() {
            self.key_len = 0;
            self.string_begin(State::Key);
        } else {
            self.bad();
        }
    }

    /// Enter a string state, or leave at once when the string is empty.
    fn string_begin(&mut self, state: State) {
        self.left = self.argument;
        self.state = state;
        if self.left == 0 {
            self.string_end();
        }
    }

    fn string(&mut self, part: &[u8], text: &mut [u8]) {
        match self.state {
            State::Key => append(&mut self.key, usize::from(self.key_len), part),
            State::Hash => append(&mut self.hash, (self.hash_len - self.left) as usize, part),
            State::Text => append(text, (self.text_len - self.left) as usize, part),
            _ => {}
        }
        if self.state == State::Key {
            // A key that is too long matches nothing, whatever its length counts up to.
            self.key_len = self.key_len.saturating_add(part.len().min(255) as u8);
        }
        self.left -= part.len() as u32;
        if self.left == 0 {
            self.string_end();
        }
    }

    fn string_end(&mut self) {
        match self.state {
            State::Key => self.key_end(),
            State::Drop if self.place == Place::Skip => self.skip_end(),
            _ => self.value_end(),
        }
    }

    fn key_end(&mut self) {
        self.state = State::Item;
        self.place = Place::Value;
        self.field = UNKNOWN;
        let Some(key) = self.key.get(..usize::from(self.key_len)) else {
            return;
        };
        let mut rest = KEYS;
        while let [len, tail @ ..] = rest {
            let Some((name, [field, next @ ..])) = tail.split_at_checked(usize::from(*len)) else {
                return;
            };
            if self.wanted >> *field & 1 != 0 && key == name {
                self.field = *field;
                if self.has(*field) {
                    self.bad();
                }
                self.seen |= 1 << *field;
                return;
            }
            rest = next;
        }
    }

    #[inline(never)]
    fn value_end(&mut self) {
        if self.entries != INDEFINITE {
            self.entries -= 1;
        }
        self.next_entry();
    }

    fn value_item(&mut self) {
        const NULL: u8 = 0xF6;
        if self.field == UNKNOWN {
            self.place = Place::Skip;
            self.skip_item();
        } else if self.initial == NULL {
            // null stands for "not there": two clients send it for a missing hash.
            self.seen &= !(1 << self.field);
            self.value_end();
        } else if self.is_indefinite() {
            self.bad();
        } else {
            self.typed_value();
        }
    }

    fn typed_value(&mut self) {
        match (self.field, self.major()) {
            (field::HASH, 2) => {
                self.hash_len = self.argument;
                self.string_begin(State::Hash);
            }
            (field::DATA, 2) => {
                self.data_len = self.argument;
                self.string_begin(State::Data);
            }
            (field::TEXT, 3) => {
                self.text_len = self.argument;
                self.string_begin(State::Text);
            }
            (number, 0) if usize::from(number) < field::NUMBERS => self.store(self.argument),
            (flag, 7) if flag >= field::FIRST_BOOL && usize::from(flag) < field::NUMBERS => {
                match self.initial {
                    0xF4 => self.store(0),
                    0xF5 => self.store(1),
                    _ => self.bad(),
                }
            }
            _ => self.bad(),
        }
    }

    fn store(&mut self, value: u32) {
        if let Some(slot) = self.numbers.get_mut(usize::from(self.field)) {
            *slot = value;
        }
        self.value_end();
    }

    fn skip_item(&mut self) {
        let indefinite = self.is_indefinite();
        match self.major() {
            2 | 3 if !indefinite => self.string_begin(State::Drop),
            2..=5 if indefinite => self.push(INDEFINITE),
            4 if self.argument != 0 => self.push(self.argument),
            5 if self.argument != 0 => self.push(self.argument.saturating_mul(2)),
            // A tag belongs to the item behind it.
            6 if !indefinite => {}
            7 if indefinite => self.skip_break(),
            0 | 1 | 6 if indefinite => self.bad(),
            _ => self.skip_end(),
        }
    }

    #[inline(never)]
    fn push(&mut self, items: u32) {
        match self.levels.get_mut(usize::from(self.depth)) {
            Some(level) => {
                *level = items;
                self.depth += 1;
            }
            None => self.bad(),
        }
    }

    fn level(&mut self) -> Option<&mut u32> {
        let above = usize::from(self.depth).checked_sub(1)?;
        self.levels.get_mut(above)
    }

    fn skip_break(&mut self) {
        match self.level() {
            Some(level) if *level == INDEFINITE => {
                self.depth -= 1;
                self.skip_end();
            }
            _ => self.bad(),
        }
    }

    /// One skipped item is complete, and with it perhaps the containers around it.
    fn skip_end(&mut self) {
        self.state = State::Item;
        while let Some(level) = self.level() {
            if *level == INDEFINITE {
                return;
            }
            *level -= 1;
            if *level != 0 {
                return;
            }
            self.depth -= 1;
        }
        self.value_end();
    }
}

impl Default for Reader {
    fn default() -> Reader {
        Reader::new()
    }
}

/// Copy what fits; the rest is dropped.
fn append(target: &mut [u8], at: usize, part: &[u8]) {
    if let Some(room) = target.get_mut(at..) {
        let n = room.len().min(part.len());
        if let (Some(to), Some(from)) = (room.get_mut(..n), part.get(..n)) {
            to.copy_from_slice(from);
        }
    }
}
