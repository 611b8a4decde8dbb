//! Hugging Face's `tokenizers`.

use std::error::Error;
use std::path::Path;

use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{
    DecoderWrapper, Model, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, Tokenizer, TokenizerImpl,
};

use crate::report::{Report, once, passes};

type Failure = Box<dyn Error>;

fn load(model: &Path) -> Result<Tokenizer, Failure> {
    let mut tokenizer = Tokenizer::from_file(model).map_err(|error| error.to_string())?;
    tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

/// Lines to ids by a whole tokenizer, without offsets.
pub fn pipeline(work: &str, model: &Path, text: &str) -> Result<Report, Failure> {
    if !["wordpiece", "unigram"].contains(&work) {
        return Err(format!("tokenizers does not do {work}").into());
    }
    let tokenizer = load(model)?;
    Ok(passes(|sink| {
        for line in text.lines().filter(|line| !line.is_empty()) {
            sink.ids(tokenizer.encode_fast(line, true).expect("any text has ids").get_ids());
        }
    }))
}

/// Words, one a line, to ids by the model alone.
pub fn words(work: &str, model: &Path, text: &str) -> Result<Report, Failure> {
    let tokenizer = load(model)?;
    let model = tokenizer.get_model();
    let fits = match work {
        "wordpiece-words" => matches!(model, ModelWrapper::WordPiece(_)),
        _ => matches!(model, ModelWrapper::Unigram(_)),
    };
    if !fits {
        return Err(format!("the model is not that of {work}").into());
    }
    let mut ids = Vec::new();
    Ok(passes(|sink| {
        for word in text.lines() {
            ids.clear();
            ids.extend(model.tokenize(word).expect("any word has ids").iter().map(|token| token.id));
            sink.ids(&ids);
        }
    }))
}

/// Byte-level BPE of 32,000 merges.
pub fn train(path: &Path) -> Result<Report, Failure> {
    type Byte = TokenizerImpl<BPE, NormalizerWrapper, ByteLevel, PostProcessorWrapper, DecoderWrapper>;
    let mut tokenizer: Byte = TokenizerImpl::new(BPE::default());
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(32_256)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let path = path.to_str().ok_or("the path is no UTF-8")?.to_owned();
    let trained = once(
        || tokenizer.train_from_files(&mut trainer, vec![path]).map(|tokenizer| tokenizer.get_model().clone()),
        |model, sink| {
            let mut tokens: Vec<_> = model.map_or_else(|_| Vec::new(), |model| model.get_vocab().into_iter().collect());
            tokens.sort_by_key(|&(_, id)| id);
            tokens.iter().for_each(|(token, _)| sink.text(token));
        },
    );
    Ok(trained)
}
