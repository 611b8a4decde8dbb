//! The same model as a pipeline, which `tokenizer.json` can hold.

use super::normalise::SPACE;
use super::{PieceKind, SentencePiece, SentencePieceKind};
use crate::added::AddedToken;
use crate::decoder::Decoder;
use crate::error::Error;
use crate::model::{Bpe, BpeOptions, Model, Unigram};
use crate::normalise::{Charsmap, Normalizer, Pattern};
use crate::pipeline::{Parts, Pipeline};
use crate::pre::{Metaspace, PreTokenizer, PrependScheme};

impl SentencePiece {
    /// The model as a [`Pipeline`], with the same ids for the same pieces.
    ///
    /// Text that has nothing special in it gets the same ids from both. They differ as sentencepiece and Hugging
    /// Face's `tokenizers` do: the pipeline finds control and user-defined pieces in the text, as added tokens, and
    /// normalises what lies between them on its own; it replaces by the table inside of grapheme clusters; it adds
    /// scores in double precision; and of pairs that merge to the same piece, the leftmost does not come first.
    ///
    /// ```no_run
    /// let model = tokenize::SentencePiece::from_file("tokenizer.model")?;
    /// model.to_pipeline()?.save("tokenizer.json")?;
    /// # Ok::<(), tokenize::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] if the model does what no pipeline can: whole words as pieces, spaces at the ends of words,
    /// a table for decoding, or no piece for the unknown.
    pub fn to_pipeline(&self) -> Result<Pipeline, Error> {
        let refuse = |what: &str| Err(Error::Config(format!("no pipeline does what the model does: {what}")));
        if self.proto.trainer.treat_whitespace_as_suffix {
            return refuse("it puts spaces at the ends of words");
        }
        if self.denormaliser.is_some() {
            return refuse("it has a table for decoding");
        }
        let Some(unk_id) = self.unk_id else { return refuse("no piece stands for the unknown") };
        let model = match self.kind() {
            SentencePieceKind::Unigram => {
                let vocab = self.pieces().iter().map(|piece| (piece.text.clone(), f64::from(piece.score)));
                Model::Unigram(Unigram::new(vocab, Some(unk_id), self.byte_ids.is_some())?)
            }
            SentencePieceKind::Bpe => Model::Bpe(self.bpe(unk_id, self.merges())?),
            SentencePieceKind::Char => Model::Bpe(self.bpe(unk_id, Vec::new())?),
            SentencePieceKind::Word => return refuse("its pieces are whole words"),
        };
        let mut parts = Parts::new(model);
        parts.normalizer = Some(self.normalizer()?);
        let is_apart = |text: &str| {
            !text.trim_start_matches(SPACE).contains(SPACE) && self.proto.normalizer.escape_whitespaces
        };
        if self.pieces().iter().all(|piece| is_apart(&piece.text)) {
            let prepend_scheme = PrependScheme::Never;
            parts.pre_tokenizer =
                Some(PreTokenizer::Metaspace(Metaspace { prepend_scheme, ..Metaspace::default() }));
        }
        parts.decoder = Some(self.decoder());
        let added = (0..).zip(self.pieces()).filter_map(|(id, piece)| {
            let is_special = matches!(piece.kind, PieceKind::Control | PieceKind::Unknown);
            let is_added = is_special || piece.kind == PieceKind::UserDefined;
            is_added.then(|| AddedToken::new(id, &piece.text[..], is_special))
        });
        parts.added_tokens = added.collect();
        Pipeline::new(parts)
    }

    fn bpe(&self, unk_id: u32, merges: Vec<(String, String)>) -> Result<Bpe, Error> {
        let vocab = self.pieces().iter().map(|piece| piece.text.clone()).zip(0..);
        let options = BpeOptions {
            unk_token: Some(self.pieces()[unk_id as usize].text.clone()),
            fuse_unk: true,
            byte_fallback: self.byte_ids.is_some(),
            ..BpeOptions::default()
        };
        Bpe::new(vocab, merges, options)
    }

    /// Every way to make a piece of two others, in the order of the scores of what is made.
    fn merges(&self) -> Vec<(String, String)> {
        let mut order: Vec<u32> = (0..self.pieces().len() as u32).collect();
        let score = |id: u32| self.pieces()[id as usize].score;
        order.sort_by(|&left, &right| score(right).total_cmp(&score(left)));
        let mut merges = Vec::new();
        for id in order {
            let text = &self.pieces()[id as usize].text[..];
            if self.text_ids.get(text) != Some(id) {
                continue;
            }
            for (at, _) in text.char_indices().skip(1) {
                let (left, right) = text.split_at(at);
                if self.text_ids.get(left).is_some() && self.text_ids.get(right).is_some() {
                    merges.push((left.to_owned(), right.to_owned()));
                }
            }
        }
        merges
    }

    fn normalizer(&self) -> Result<Normalizer, Error> {
        let settings = &self.proto.normalizer;
        let mut steps = Vec::new();
        if !settings.charsmap.is_empty() {
            steps.push(Normalizer::Precompiled(Charsmap::new(settings.charsmap.clone())?));
        }
        if settings.remove_extra_whitespaces {
            steps.push(Normalizer::Strip { left: true, right: true });
            let pattern = Pattern::regex(" {2,}")?;
            steps.push(Normalizer::Replace { pattern, content: " ".to_owned() });
        }
        if settings.add_dummy_prefix {
            steps.push(Normalizer::Prepend(" ".to_owned()));
        }
        if settings.escape_whitespaces {
            steps.push(Normalizer::Replace { pattern: Pattern::literal(" "), content: SPACE.to_owned() });
        }
        Ok(Normalizer::Sequence(steps))
    }

    fn decoder(&self) -> Decoder {
        let settings = &self.proto.normalizer;
        let pattern = Pattern::literal(SPACE);
        let mut steps = vec![Decoder::Replace { pattern, content: " ".to_owned() }];
        if self.byte_ids.is_some() {
            steps.push(Decoder::ByteFallback);
        }
        steps.push(Decoder::Fuse);
        if settings.add_dummy_prefix || settings.remove_extra_whitespaces {
            steps.push(Decoder::Strip { content: ' ', start: 1, stop: 0 });
        }
        Decoder::Sequence(steps)
    }
}
