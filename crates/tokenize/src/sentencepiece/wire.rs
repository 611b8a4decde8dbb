//! The wire format of protocol buffers: fields with numbers, read in place and written back.

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'b> {
    pub(super) number: u64,
    pub(super) value: Value<'b>,
    /// The whole field as it stands in the file.
    pub(super) raw: &'b [u8],
    /// Where it begins in the file.
    pub(super) at: usize,
    /// Where its content begins in the file.
    pub(super) content_at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'b> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'b [u8]),
    Fixed32([u8; 4]),
}

impl Value<'_> {
    /// What the format calls this kind of value.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Varint(_) => "a varint",
            Value::Fixed64(_) => "eight bytes",
            Value::Bytes(_) => "a length and bytes",
            Value::Fixed32(_) => "four bytes",
        }
    }
}

/// A fault and where in the file it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

/// Reads the fields of one message.
pub(super) struct Fields<'b> {
    bytes: &'b [u8],
    read: usize,
    /// Where the message begins in the file.
    start: usize,
}

impl<'b> Fields<'b> {
    pub(super) fn new(bytes: &'b [u8], start: usize) -> Self {
        Self { bytes, read: 0, start }
    }

    /// Where the next byte is in the file.
    fn at(&self) -> usize {
        self.start + self.read
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let at = self.at();
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.read) else {
                return Err(Fault::new(at, "the file ends within a number"));
            };
            self.read += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Fault::new(at, "a number of more than ten bytes"))
    }

    fn bytes(&mut self, length: u64) -> Result<&'b [u8], Fault> {
        let rest = &self.bytes[self.read..];
        let taken = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let taken = taken.ok_or_else(|| {
            Fault::new(self.at(), format!("{length} bytes are announced, {} are left", rest.len()))
        })?;
        self.read += taken.len();
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let at = self.at();
        let taken = self.bytes(N as u64)?;
        taken.try_into().map_err(|_| Fault::new(at, "the file ends within a number"))
    }

    fn field(&mut self) -> Result<Field<'b>, Fault> {
        let (begin, at) = (self.read, self.at());
        let tag = self.varint()?;
        let number = tag >> 3;
        let mut content_at = self.at();
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.array()?),
            2 => {
                let length = self.varint()?;
                content_at = self.at();
                Value::Bytes(self.bytes(length)?)
            }
            5 => Value::Fixed32(self.array()?),
            kind => return Err(Fault::new(at, format!("field {number} has the wire type {kind}"))),
        };
        if number == 0 {
            return Err(Fault::new(at, "a field has the number 0"));
        }
        Ok(Field { number, value, raw: &self.bytes[begin..self.read], at, content_at })
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Result<Field<'b>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.read == self.bytes.len() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.read = self.bytes.len();
        }
        Some(field)
    }
}

/// Appends a field with a number.
pub(super) fn put_varint(out: &mut Vec<u8>, number: u64, value: u64) {
    put_number(out, number << 3);
    put_number(out, value);
}

/// Appends a field with a length and bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_number(out, number << 3 | 2);
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a field with a single-precision number.
pub(super) fn put_float(out: &mut Vec<u8>, number: u64, value: f32) {
    put_number(out, number << 3 | 5);
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers in prop::collection::vec((1u64..1 << 29, any::<u64>()), 0..20)) {
            let mut out = Vec::new();
            for &(number, value) in &numbers {
                put_varint(&mut out, number, value);
                put_bytes(&mut out, number, &value.to_le_bytes());
                put_float(&mut out, number, f32::from_bits(value as u32));
            }
            let fields: Vec<Field<'_>> = Fields::new(&out, 100).map(Result::unwrap).collect();
            let read = fields.chunks(3).map(|fields| (fields[0].number, fields[0].value));
            let written = numbers.iter().map(|&(number, value)| (number, Value::Varint(value)));
            prop_assert!(read.eq(written));
            for (fields, (number, value)) in fields.chunks(3).zip(numbers) {
                prop_assert_eq!(fields[1].value, Value::Bytes(&value.to_le_bytes()));
                prop_assert_eq!(fields[2].value, Value::Fixed32((value as u32).to_le_bytes()));
                prop_assert!(fields.iter().all(|field| field.number == number));
            }
            prop_assert_eq!(fields.iter().flat_map(|field| field.raw).copied().collect::<Vec<_>>(), out);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut read = 0;
            for field in Fields::new(&bytes, 0) {
                match field {
                    Ok(field) => read += field.raw.len(),
                    Err(fault) => prop_assert!(fault.at <= bytes.len() && fault.at >= read),
                }
            }
        }
    }

    #[test]
    fn faults_say_where_they_are() {
        let fault = |bytes: &[u8]| Fields::new(bytes, 10).find_map(Result::err).unwrap();
        assert_eq!(fault(&[0x0a, 5, 1, 2]), Fault::new(12, "5 bytes are announced, 2 are left"));
        assert_eq!(fault(&[0x08, 1, 0x08, 0x80]), Fault::new(13, "the file ends within a number"));
        assert_eq!(fault(&[0x08, 1, 0x0b]), Fault::new(12, "field 1 has the wire type 3"));
        assert_eq!(fault(&[0x0d, 1, 2]), Fault::new(11, "4 bytes are announced, 2 are left"));
        assert_eq!(fault(&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).at, 11);
        assert_eq!(fault(&[0x00, 1]), Fault::new(10, "a field has the number 0"));
        let huge = [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(fault(&huge), Fault::new(21, "18446744073709551615 bytes are announced, 0 are left"));
    }
}
