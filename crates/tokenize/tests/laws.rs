//! What holds for every text: round trips, and that all ways to the ids lead to the same ids.

use std::collections::HashMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use rand::SeedableRng;
use tokenize::{
    ByteLevelBpe, ByteLevelBpeTrainer, Error, Specials, Split, StreamDecoder, Tokenizer, WordCounts,
};

/// A model for each split, trained on text with many repeats and overlaps.
static MODELS: LazyLock<Vec<ByteLevelBpe>> = LazyLock::new(|| {
    let text = include_str!("laws.rs").to_owned() + &"aaaa abab 我爱我 爱我爱 ééé '' 's   \n\n".repeat(20);
    let train = |split| {
        ByteLevelBpeTrainer::new(700).split(split).special_tokens(["<|end|>"]).train([&text]).unwrap()
    };
    [Split::Gpt2, Split::Chars, Split::Whole, Split::Cl100k, Split::O200k].into_iter().map(train).collect()
});

/// Text near to what the models know, with everything that can stand in a string now and then.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<|end|>".to_owned()),
        "[a-z ']{0,12}",
        "[ab我爱é \n]{0,20}",
        any::<String>(),
        "(let|assert|fn|split| {1,4}|\n|Split::Gpt2|ids)",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// The definition, on pairs of byte strings and without any of the machinery.
fn naive_encode(model: &ByteLevelBpe, text: &str) -> Vec<u32> {
    let ranks: HashMap<(&[u8], &[u8]), usize> =
        model.merges().enumerate().map(|(rank, merge)| ((merge.left, merge.right), rank)).collect();
    let mut ids = Vec::new();
    for piece in model.split().pieces(text) {
        let mut tokens: Vec<Vec<u8>> = text[piece].bytes().map(|byte| vec![byte]).collect();
        let lowest = |tokens: &[Vec<u8>]| {
            let ranked = tokens.windows(2).enumerate();
            ranked.filter_map(|(at, pair)| Some((*ranks.get(&(&pair[0][..], &pair[1][..]))?, at))).min()
        };
        while let Some((_, at)) = lowest(&tokens) {
            let right = tokens.remove(at + 1);
            tokens[at].extend(right);
        }
        ids.extend(tokens.iter().map(|token| model.id(token).unwrap()));
    }
    ids
}

/// Training by the definition: count all pairs anew for every merge.
fn naive_train(text: &str, vocab_size: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let base = ByteLevelBpeTrainer::new(256).train([text]).unwrap();
    let mut tokens: Vec<Vec<u8>> = (0..256).map(|id| base.token(id).unwrap().to_vec()).collect();
    let mut words: Vec<Vec<u32>> = Split::Gpt2
        .pieces(text)
        .into_iter()
        .map(|p| text[p].bytes().map(|b| base.id(&[b]).unwrap()).collect())
        .collect();
    let mut merges = Vec::new();
    while tokens.len() < vocab_size {
        let mut counts: HashMap<(u32, u32), i64> = HashMap::new();
        for pair in words.iter().flat_map(|word| word.windows(2)) {
            *counts.entry((pair[0], pair[1])).or_default() += 1;
        }
        let Some((&pair, _)) = counts.iter().max_by_key(|&(&pair, &count)| (count, std::cmp::Reverse(pair)))
        else {
            break;
        };
        let (left, right) = (tokens[pair.0 as usize].clone(), tokens[pair.1 as usize].clone());
        let token = [left.clone(), right.clone()].concat();
        let id = tokens.iter().position(|other| *other == token).unwrap_or(tokens.len()) as u32;
        if id as usize == tokens.len() {
            tokens.push(token);
        }
        merges.push((left, right));
        for word in &mut words {
            let mut at = 0;
            while at + 1 < word.len() {
                if (word[at], word[at + 1]) == pair {
                    word.splice(at..at + 2, [id]);
                }
                at += 1;
            }
        }
    }
    merges
}

proptest! {
    #[test]
    fn text_comes_back(text in text()) {
        for model in MODELS.iter() {
            let ids = model.encode(&text);
            prop_assert_eq!(&model.decode(&ids).unwrap(), &text);
            prop_assert_eq!(&model.decode(&model.encode_with(&text, Specials::All)).unwrap(), &text);
            prop_assert!(!ids.contains(&0), "a special token that was not allowed");
        }
    }

    #[test]
    fn bytes_come_back(bytes in any::<Vec<u8>>()) {
        for model in MODELS.iter() {
            let ids = model.encode_bytes(&bytes);
            prop_assert_eq!(&model.decode_bytes(&ids).unwrap(), &bytes);
            prop_assert_eq!(model.decode_lossy(&ids), String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn encoding_follows_the_definition(text in text()) {
        for model in MODELS.iter() {
            prop_assert_eq!(model.encode(&text), naive_encode(model, &text));
        }
    }

    #[test]
    fn offsets_are_the_tokens_places(text in text()) {
        for model in MODELS.iter() {
            let encoding = model.encode_with_offsets(&text, Specials::All);
            prop_assert_eq!(&encoding.ids, &model.encode_with(&text, Specials::All));
            let mut end = 0;
            for (&id, range) in encoding.ids.iter().zip(&encoding.offsets) {
                prop_assert_eq!(range.start, end);
                prop_assert_eq!(Some(&text.as_bytes()[range.clone()]), model.token(id));
                end = range.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }

    #[test]
    fn a_budget_takes_the_first_ids_that_end_with_a_character(text in text(), repeats in 1usize..40, most in 0usize..40) {
        // Long enough for the text to be read in parts.
        let text = text.repeat(repeats * 8);
        for model in MODELS.iter() {
            let encoding = model.encode_with_offsets(&text, Specials::None);
            let ends = encoding.offsets.iter().map(|offset| offset.end).take(most);
            let whole = (1..).zip(ends).filter(|&(_, end)| text.is_char_boundary(end)).last();
            let (count, end) = whole.unwrap_or((0, 0));
            prop_assert_eq!(model.take_tokens(&text, most), (&text[..end], count));
        }
    }

    #[test]
    fn dropout_lies_between_merges_and_bytes(text in text(), dropout in 0f32..1.0, seed in any::<u64>()) {
        for model in MODELS.iter() {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let mut encode = |dropout| model.encode_with_dropout(&text, dropout, Specials::None, &mut rng);
            prop_assert_eq!(encode(0.0), model.encode(&text));
            let bytes: Vec<u32> = text.bytes().map(|byte| model.id(&[byte]).unwrap()).collect();
            prop_assert_eq!(encode(1.0), bytes);
            let ids = encode(dropout);
            prop_assert_eq!(model.decode(&ids).unwrap(), &text[..]);
            let again = model.encode_with_dropout(&text, dropout, Specials::None, &mut rng.clone());
            prop_assert_eq!(again, model.encode_with_dropout(&text, dropout, Specials::None, &mut rng));
        }
    }

    #[test]
    fn streamed_text_is_the_whole_text(ids in prop::collection::vec(0u32..720, 0..60)) {
        let model = &MODELS[2];
        let mut stream = StreamDecoder::new(model);
        let known = ids.into_iter().filter(|&id| (id as usize) < model.vocab_size()).collect::<Vec<_>>();
        let mut text: String = known.iter().map(|&id| stream.push(id).unwrap()).collect();
        text += &stream.finish();
        prop_assert_eq!(text, model.decode_lossy(&known));
    }

    #[test]
    fn training_follows_the_definition(text in "[abc ]{0,80}([abé我'\n ]{0,40})(aaaa|abab| aba)*", size in 256usize..300) {
        let model = ByteLevelBpeTrainer::new(size).train([&text]).unwrap();
        let merges: Vec<_> = model.merges().map(|m| (m.left.to_vec(), m.right.to_vec())).collect();
        prop_assert_eq!(merges, naive_train(&text, size));
    }

    #[test]
    fn threads_change_nothing(texts in prop::collection::vec(text(), 0..20), size in 257usize..500) {
        let train = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let trainer = ByteLevelBpeTrainer::new(size).special_tokens(["<|end|>"]);
            pool.install(|| trainer.train(&texts)).unwrap().to_json()
        };
        let one = train(1);
        prop_assert_eq!(&train(2), &one);
        prop_assert_eq!(&train(4), &one);
    }
}

proptest! {
    // Long texts: the parts in which they are encoded in parallel are of 64 KB.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn all_ways_to_the_ids_agree(text in text(), repeats in 1usize..3000) {
        let long = text.repeat(repeats.min(200_000 / (text.len() + 1)));
        for model in MODELS.iter() {
            let ids = model.encode(&long);
            prop_assert_eq!(&model.encode_parallel(&long), &ids);
            prop_assert_eq!(model.encode_bytes(long.as_bytes()), ids.clone());
            prop_assert_eq!(model.count(&long), ids.len());
            prop_assert_eq!(&model.clone().encode(&long), &ids);
            prop_assert_eq!(&model.encode_batch(&[&long, "x"])[0], &ids);
        }
    }
}

#[test]
fn long_runs_of_anything_come_back() {
    // Quadratic time in any of them would take minutes.
    let units = [
        "a", "A", "aB", "ab", " ", "\n", " \n", "我", "我爱", "é", "É", "\u{301}", "1", "'s", "!", "/",
        "<|end|>",
    ];
    for unit in units {
        let text = unit.repeat((1 << 20) / unit.len());
        for model in MODELS.iter() {
            let ids = model.encode(&text);
            assert_eq!(model.decode(&ids).unwrap(), text);
        }
    }
    let text = "a".repeat(300_000) + &"我爱".repeat(100_000);
    let model = ByteLevelBpeTrainer::new(300).train([&text]).unwrap();
    assert_eq!(model.decode(&model.encode(&text)).unwrap(), text);
    assert!(model.merges().len() > 30);
}

#[test]
fn specials_are_found_only_where_allowed() {
    let model = &MODELS[0];
    let text = "it<|end|>is";
    assert!(!model.encode(text).contains(&0));
    for specials in [Specials::All, Specials::Only(&["<|end|>"])] {
        let expected = [model.encode("it"), vec![0], model.encode("is")].concat();
        assert_eq!(model.encode_with(text, specials), expected);
    }
    assert_eq!(model.encode_with(text, Specials::Only(&["<|begin|>"])), model.encode(text));
}

#[test]
fn text_that_names_a_special_token_never_trains_to_it() {
    let text = "<|end|> ".repeat(50);
    for split in [Split::Gpt2, Split::Whole] {
        let model = ByteLevelBpeTrainer::new(300)
            .split(split)
            .special_tokens(["<|end|>", "|>", "end"])
            .train([&text])
            .unwrap();
        assert!(model.encode(&text).iter().all(|&id| id > 2));
        assert!(model.merges().len() >= 2);
    }
}

#[test]
fn ids_out_of_range_are_an_error_or_replaced() {
    let model = &MODELS[0];
    let size = model.vocab_size();
    let ids = [model.encode("a")[0], size as u32];
    match model.decode(&ids) {
        Err(Error::UnknownId { id, position: 1, vocab_size }) => {
            assert_eq!((id as usize, vocab_size), (size, size));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(model.decode_lossy(&ids), "a\u{fffd}");
    let half = model.id(&[0xe4]).unwrap();
    assert!(matches!(model.decode(&[ids[0], half]), Err(Error::InvalidUtf8 { offset: 1 })));
}

#[test]
fn trainers_that_cannot_train_say_why() {
    let error = |trainer: ByteLevelBpeTrainer| trainer.train(["text"]).unwrap_err().to_string();
    let small = error(ByteLevelBpeTrainer::new(256).special_tokens(["<|end|>"]));
    assert_eq!(small, "a vocabulary of 256 ids has no room for 1 special tokens and 256 bytes");
    assert!(error(ByteLevelBpeTrainer::new(300).special_tokens(["x<", "x<"])).contains("\"x<\""));
    assert!(error(ByteLevelBpeTrainer::new(300).special_tokens([""])).contains("empty"));
    assert!(error(ByteLevelBpeTrainer::new(300).special_tokens(["<"])).contains("single byte"));
}

#[test]
fn empty_and_small_corpora_train() {
    for texts in [vec![], vec![""], vec!["a"], vec!["ab"]] {
        let model = ByteLevelBpeTrainer::new(1000).train(&texts).unwrap();
        assert_eq!(model.merges().len(), usize::from(texts == ["ab"]));
        assert_eq!(model.decode(&model.encode("é")).unwrap(), "é");
    }
    let counts: WordCounts = [(&b"aa"[..], u64::MAX), (b"ab", u64::MAX), (b"bb", 0)].into_iter().collect();
    let model = ByteLevelBpeTrainer::new(1000).train_counts(&counts, &mut |_| {}).unwrap();
    assert_eq!(model.merges().len(), 2);
}

#[test]
fn progress_is_told_in_order() {
    let text = "the cat sat on the mat ".repeat(100);
    let mut seen = Vec::new();
    ByteLevelBpeTrainer::new(266).train_with([&text, &text], &mut |p| seen.push(format!("{p:?}"))).unwrap();
    assert_eq!(seen[0], format!("Counting {{ bytes: {} }}", 2 * text.len()));
    assert_eq!(seen[1], "Merging { done: 1, total: 10, left: [97], right: [116], count: 600 }");
    assert!(seen[10].starts_with("Merging { done: 10, total: 10, "));
    assert_eq!(seen.len(), 11);
}

#[test]
fn a_tokenizer_behind_the_trait_does_the_same() {
    let model: &dyn Tokenizer = &MODELS[0];
    let ids = model.encode("the same").unwrap();
    assert_eq!(ids, MODELS[0].encode("the same"));
    assert_eq!(model.count("the same").unwrap(), ids.len());
    assert_eq!(model.encode_batch(&["the same", ""]).unwrap(), [ids.clone(), vec![]]);
    assert_eq!(model.decode(&ids).unwrap(), "the same");
    assert_eq!(model.id(model.token(ids[0]).unwrap()), Some(ids[0]));
}
