//! The weights that the Python package g2p-en publishes: a GRU encoder and decoder without attention, in our layers.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use nn::Module as _;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use recurrent::{BridgeKind, GruCell, Seq2Seq, Seq2SeqConfig, Seq2SeqScorer};
use tensor::{Ids, Tensor};

use crate::Failure;
use crate::args::workspace;

/// What the weights of the package are called there, and in our model.
const NAMES: [(&str, &str); 12] = [
    ("enc_emb", "encoder.embedding.weight"),
    ("enc_w_ih", "encoder.rnn.weight_ih_l0"),
    ("enc_w_hh", "encoder.rnn.weight_hh_l0"),
    ("enc_b_ih", "encoder.rnn.bias_ih_l0"),
    ("enc_b_hh", "encoder.rnn.bias_hh_l0"),
    ("dec_emb", "decoder.embedding.weight"),
    ("dec_w_ih", "decoder.rnn.weight_ih_l0"),
    ("dec_w_hh", "decoder.rnn.weight_hh_l0"),
    ("dec_b_ih", "decoder.rnn.bias_ih_l0"),
    ("dec_b_hh", "decoder.rnn.bias_hh_l0"),
    ("fc_w", "decoder.output.weight"),
    ("fc_b", "decoder.output.bias"),
];

/// Source: `<pad>`, `<unk>`, `</s>`, then the alphabet. Target: `<pad>`, `<unk>`, `<s>`, `</s>`, then the sounds.
const UNKNOWN_LETTER: u32 = 1;
const END_OF_WORD: u32 = 2;
const FIRST_LETTER: u32 = 3;
const START: u32 = 2;
const END: u32 = 3;
/// The package stops after as many sounds.
const MOST_SOUNDS: usize = 20;

const SOUNDS: &str = "<pad> <unk> <s> </s> AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1 AY2 B CH \
    D DH EH0 EH1 EH2 ER0 ER1 ER2 EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 OW2 OY0 OY1 OY2 P R \
    S SH T TH UH0 UH1 UH2 UW UW0 UW1 UW2 V W Y Z ZH";

pub(super) struct Published {
    model: Seq2Seq<f32, GruCell>,
    sounds: Vec<&'static str>,
}

impl Published {
    /// The weights as the package carries them.
    pub(super) fn load() -> Result<Self, Failure> {
        Self::read(&workspace().join("fixtures/weights/g2p_en.npz"))
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut archive = zip::ZipArchive::new(File::open(path).map_err(|error| at(&error))?)
            .map_err(|error| at(&error))?;
        let mut arrays = Vec::with_capacity(NAMES.len());
        for (name, ours) in NAMES {
            let mut bytes = Vec::new();
            archive.by_name(&format!("{name}.npy")).map_err(|error| at(&error))?.read_to_end(&mut bytes)?;
            arrays.push((ours, array(&bytes).map_err(|error| at(&format!("{name}: {error}")))?));
        }
        let size = |name: &str, axis: usize| -> usize {
            arrays.iter().find(|(ours, _)| *ours == name).map_or(0, |(_, array)| array.dim(axis as isize))
        };
        let sounds: Vec<&str> = SOUNDS.split_whitespace().collect();
        let (embed, hidden) = (size("encoder.embedding.weight", 1), size("encoder.rnn.weight_hh_l0", 1));
        let config = Seq2SeqConfig {
            encoder_hidden: hidden,
            bidirectional: false,
            attention: None,
            bridge: BridgeKind::Copy,
            ..Seq2SeqConfig::new(size("encoder.embedding.weight", 0), sounds.len(), embed, hidden)
        };
        let mut model = Seq2Seq::new(&config, &mut ChaCha8Rng::seed_from_u64(0))?;
        for (path, param) in model.parameters_mut() {
            let (_, array) = arrays
                .iter()
                .find(|(ours, _)| *ours == path)
                .ok_or_else(|| at(&format!("nothing there is `{path}`")))?;
            if array.shape() != param.shape() {
                let (expected, found) = (param.shape(), array.shape());
                return Err(at(&format!("`{path}` is {found:?}, expected {expected:?}")).into());
            }
            param.set(array.clone());
        }
        Ok(Self { model, sounds })
    }

    /// The likeliest sounds, one after the other.
    pub(super) fn pronounce(&self, word: &str) -> Result<Vec<&'static str>, Failure> {
        let letter = |c: char| match c {
            'a'..='z' => FIRST_LETTER + (c as u32 - 'a' as u32),
            _ => UNKNOWN_LETTER,
        };
        let source: Vec<u32> = word.chars().map(letter).chain([END_OF_WORD]).collect();
        let length = source.len();
        let mut scorer = Seq2SeqScorer::new(&self.model, &Ids::new(source, &[1, length]), &[length])?;
        let stop = decode::Stop::after(MOST_SOUNDS).at(END);
        let said = decode::greedy(&mut scorer, &[vec![START]], &stop)?;
        let sounds = said[0].tokens.iter().filter(|token| **token != END);
        Ok(sounds.map(|token| self.sounds[*token as usize]).collect())
    }

    /// Of the words that the package has pronounced itself, how many sound the same here, and how many there are.
    pub(super) fn agreement(&self) -> Result<(usize, usize), Failure> {
        let path = workspace().join("fixtures/goldens/g2p_en.txt");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut same = 0;
        for line in text.lines() {
            let mut fields = line.split_whitespace();
            let word = fields.next().ok_or("an empty line among the goldens")?;
            same += usize::from(self.pronounce(word)? == fields.collect::<Vec<_>>());
        }
        Ok((same, text.lines().count()))
    }
}

/// A little-endian f32 array of NumPy's format, version 1.
fn array(bytes: &[u8]) -> Result<Tensor, String> {
    let malformed = || "not an array of NumPy's format 1".to_owned();
    let rest = bytes.strip_prefix(b"\x93NUMPY\x01\x00").ok_or_else(malformed)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(malformed)?;
    let (header, data) =
        rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).ok_or_else(malformed)?;
    let header = std::str::from_utf8(header).map_err(|_| malformed())?;
    if !header.contains("'descr': '<f4'") || !header.contains("'fortran_order': False") {
        return Err(format!("header {}, expected little-endian f32 in C order", header.trim()));
    }
    let (_, shape) = header.split_once("'shape': (").ok_or_else(malformed)?;
    let (shape, _) = shape.split_once(')').ok_or_else(malformed)?;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape: Vec<usize> =
        sizes.map(|size| size.parse().map_err(|_| malformed())).collect::<Result<_, _>>()?;
    let values: Vec<f32> = data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let expected = shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
    if expected != Some(values.len()) || values.len() * 4 != data.len() {
        return Err(format!("{} bytes of data for shape {shape:?} of f32", data.len()));
    }
    Ok(Tensor::from_vec(values, &shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_pronounced_as_the_package_does() {
        assert_eq!(Published::load().unwrap().agreement().unwrap(), (1000, 1000));
    }

    #[test]
    fn arrays_are_checked() {
        let npy = |header: &str, data: &[u8]| {
            [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data]
                .concat()
        };
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n";
        let good = npy(header, &[1.5_f32.to_le_bytes(), (-2.0_f32).to_le_bytes()].concat());
        let read = array(&good).unwrap();
        assert_eq!((read.shape(), read.to_vec()), (&[1, 2][..], vec![1.5, -2.0]));
        assert_eq!(array(&good[..good.len() - 1]).unwrap_err(), "7 bytes of data for shape [1, 2] of f32");
        assert!(
            array(&npy(&header.replace("<f4", "<f8"), &[0; 16]))
                .unwrap_err()
                .contains("expected little-endian f32")
        );
        for length in 0..good.len() - 8 {
            assert!(array(&good[..length]).is_err(), "{length}");
        }
    }
}
