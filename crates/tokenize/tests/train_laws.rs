//! What holds for training whatever the words are.

use proptest::prelude::*;
use tokenize::ByteLevelBpeTrainer;
use tokenize::model::BpeOptions;
use tokenize::pre::PreTokenizer;
use tokenize::train::{
    BpeTrainer, Trainer, UnigramTrainer, WordCounts, WordLevelTrainer, WordPieceTrainer, show_byte_merges,
    show_merges,
};

fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn word_counts() -> impl Strategy<Value = WordCounts> {
    let word = prop_oneof!["[abc]{1,8}", "(ab){1,9}a?", "a{1,30}", "[a-f我é]{1,12}"];
    prop::collection::btree_map(word, 1u64..50, 0..60)
        .prop_map(|words| words.iter().map(|(word, &count)| (word.as_str(), count)).collect())
}

/// The definition, by counting all pairs anew for every merge; words as symbols with their prefix.
fn naive_bpe(
    words: &WordCounts,
    vocab_size: usize,
    least: u64,
    longest: usize,
    prefix: &str,
) -> Vec<(String, String)> {
    let form = |at: usize, c: char| if at == 0 { c.to_string() } else { format!("{prefix}{c}") };
    let mut corpus: Vec<(Vec<String>, u64)> = words
        .iter()
        .map(|(word, count)| {
            let word = std::str::from_utf8(word).unwrap();
            (word.chars().enumerate().map(|(at, c)| form(at, c)).collect(), count)
        })
        .collect();
    let mut characters: Vec<String> = words
        .iter()
        .flat_map(|(word, _)| std::str::from_utf8(word).unwrap().chars())
        .map(String::from)
        .collect();
    characters.sort();
    let mut forms: Vec<String> = corpus.iter().flat_map(|(word, _)| word.clone()).collect();
    forms.sort();
    let mut ids: Vec<String> = Vec::new();
    for token in characters.into_iter().chain(forms) {
        if !ids.contains(&token) {
            ids.push(token);
        }
    }
    let length = |token: &String| token.strip_prefix(prefix).unwrap_or(token).chars().count();
    let mut merges = Vec::new();
    while ids.len() < vocab_size {
        let mut pairs = std::collections::BTreeMap::<(usize, usize), u64>::new();
        for (word, count) in &corpus {
            for pair in word.windows(2) {
                let sum = length(&pair[0]) + length(&pair[1]);
                if sum == 2 || sum < longest {
                    let id = |token| ids.iter().position(|other| other == token).unwrap();
                    *pairs.entry((id(&pair[0]), id(&pair[1]))).or_default() += count;
                }
            }
        }
        let best = pairs.iter().max_by_key(|&(pair, &count)| (count, std::cmp::Reverse(*pair)));
        let Some((&(left, right), &count)) = best else { break };
        if count < least {
            break;
        }
        let (left, right) = (ids[left].clone(), ids[right].clone());
        let merged = format!("{left}{}", right.strip_prefix(prefix).unwrap_or(&right));
        for (word, _) in &mut corpus {
            let mut at = 0;
            while at + 1 < word.len() {
                if word[at] == left && word[at + 1] == right {
                    word.splice(at..at + 2, [merged.clone()]);
                }
                at += 1;
            }
        }
        ids.push(merged);
        merges.push((left, right));
    }
    merges
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn merges_follow_the_definition_whatever_the_memory(
        words in word_counts(),
        merges in 1usize..40,
        least in 1u64..30,
        longest in prop_oneof![Just(usize::MAX), 1usize..6],
        prefix in prop_oneof![Just(""), Just("##")],
    ) {
        let vocab_size = 24 + merges;
        let trainer = BpeTrainer::new(vocab_size)
            .min_frequency(least)
            .max_token_length(longest)
            .continuing_subword_prefix(prefix);
        let train = |trainer: &BpeTrainer, threads| {
            let model = in_pool(threads, || trainer.train_counts(&words, &mut |_| {})).unwrap();
            model.merges().map(|(left, right)| (left.to_owned(), right.to_owned())).collect::<Vec<_>>()
        };
        let expected = naive_bpe(&words, vocab_size, least, longest, prefix);
        prop_assert_eq!(&train(&trainer, 1), &expected);
        prop_assert_eq!(&train(&trainer.memory_limit(0), 3), &expected);
    }

    #[test]
    fn replayed_merges_end_where_the_model_does(words in word_counts(), text in "[abcdef我é ]{0,40}") {
        let options = BpeOptions { end_of_word_suffix: Some("$".to_owned()), ..BpeOptions::default() };
        let trainer = BpeTrainer::new(120).initial_alphabet("abcdef我é".chars()).options(options);
        let model = trainer.train_counts(&words, &mut |_| {}).unwrap();
        let cut: Vec<&str> = text.split_whitespace().collect();
        let mut steps = show_merges(&model, &cut).unwrap();
        let mut last = None;
        for step in steps.by_ref() {
            let (left, right) = model.merges().nth(step.rank).unwrap();
            prop_assert_eq!((model.token(step.left), model.token(step.right)), (Some(left), Some(right)));
            prop_assert!(last < Some(step.rank), "in the order of ranks");
            last = Some(step.rank);
        }
        for (word, pieces) in cut.iter().zip(steps.words()) {
            let mut expected = Vec::new();
            model.pieces(word, &mut expected).unwrap();
            prop_assert_eq!(pieces, &expected);
        }
        let model = ByteLevelBpeTrainer::new(300).train_counts(&words, &mut |_| {}).unwrap();
        let mut steps = show_byte_merges(&model, &text);
        steps.by_ref().for_each(drop);
        let ids: Vec<u32> = steps.words().iter().flatten().map(|piece| piece.id).collect();
        prop_assert_eq!(ids, model.encode(&text));
    }

    #[test]
    fn unigram_expresses_every_word_on_any_number_of_threads(words in word_counts(), size in 20usize..60) {
        let trainer = UnigramTrainer::new(size).unk_token("<unk>");
        let train = |threads| in_pool(threads, || trainer.train_counts(&words, &mut |_| {})).unwrap();
        let model = train(1);
        prop_assert!(model.len() <= size);
        prop_assert!(train(4).vocab().eq(model.vocab()));
        for (word, _) in words.iter() {
            let mut pieces = Vec::new();
            model.pieces(std::str::from_utf8(word).unwrap(), &mut pieces).unwrap();
            prop_assert!(pieces.iter().all(|piece| piece.id != 0), "no character is unknown");
        }
        let scores: Vec<f64> = model.vocab().skip(1).map(|(_, score)| score).collect();
        prop_assert!(scores.is_sorted_by(|a, b| a >= b));
    }
}

#[test]
fn nothing_to_learn_is_a_vocabulary_all_the_same() {
    let empty = WordCounts::new();
    let once: WordCounts = [("ab", 1), ("cd", 1)].into_iter().collect();
    for (words, characters) in [(&empty, 0), (&once, 4)] {
        let bpe = BpeTrainer::new(20).special_tokens(["<unk>"]).min_frequency(2);
        let bpe = bpe.train_counts(words, &mut |_| {}).unwrap();
        assert_eq!((bpe.len(), bpe.merges().len()), (1 + characters, 0));
        let word_piece = WordPieceTrainer::new(20).special_tokens(["[UNK]"]).min_frequency(2);
        let word_piece = word_piece.train_counts(words, &mut |_| {}).unwrap();
        assert_eq!(word_piece.len(), 1 + characters + characters / 2);
        let word_level = WordLevelTrainer::new(20).special_tokens(["<unk>"]).min_frequency(2);
        assert_eq!(word_level.train_counts(words, &mut |_| {}).unwrap().len(), 1);
        let unigram = UnigramTrainer::new(20).unk_token("<unk>").train_counts(words, &mut |_| {}).unwrap();
        assert!(unigram.len() > characters);
        let bytes = ByteLevelBpeTrainer::new(300).min_frequency(2).train_counts(words, &mut |_| {}).unwrap();
        assert_eq!(bytes.merges().len(), 0);
    }
}

#[test]
fn settings_that_cannot_be_met_say_why() {
    let words: WordCounts = [("abc", 1)].into_iter().collect();
    let bpe = |trainer: BpeTrainer| trainer.train_counts(&words, &mut |_| {}).unwrap_err().to_string();
    assert_eq!(
        bpe(BpeTrainer::new(3).special_tokens(["<s>"])),
        "a vocabulary of 3 ids has no room for the 4 special tokens and characters: limit the alphabet"
    );
    assert!(bpe(BpeTrainer::new(9).special_tokens(["x", "x"])).contains("\"x\" is empty or given twice"));
    let unigram =
        |trainer: UnigramTrainer| trainer.train_counts(&words, &mut |_| {}).unwrap_err().to_string();
    assert!(unigram(UnigramTrainer::new(3).unk_token("?")).contains("no room for 1 special tokens and 3"));
    assert!(unigram(UnigramTrainer::new(9).shrinking_factor(1.0)).contains("not between 0 and 1"));
    let word_level = WordLevelTrainer::new(0).special_tokens(["<unk>"]);
    assert!(word_level.train_counts(&words, &mut |_| {}).is_err());
    let bytes: WordCounts = [(&b"\xff"[..], 1)].into_iter().collect();
    assert!(BpeTrainer::new(9).train_counts(&bytes, &mut |_| {}).is_err());
    assert!(UnigramTrainer::new(9).train_counts(&bytes, &mut |_| {}).is_err());
    assert!(WordLevelTrainer::new(9).train_counts(&bytes, &mut |_| {}).is_err());
}

/// Time in proportion is what lets these end.
#[test]
fn one_word_of_megabytes_trains() {
    let word = "ab".repeat(5_000_000);
    let words: WordCounts = [(word.as_str(), 1)].into_iter().collect();
    let bpe = BpeTrainer::new(20).train_counts(&words, &mut |_| {}).unwrap();
    assert_eq!(bpe.merges().next(), Some(("a", "b")));
    assert_eq!(bpe.len(), 20);
    let limited = BpeTrainer::new(20).memory_limit(1 << 20).train_counts(&words, &mut |_| {});
    assert!(limited.unwrap_err().to_string().contains("limit of memory"), "the word is all there is");
    let words: WordCounts = [(&word[..500_000], 1)].into_iter().collect();
    let unigram = UnigramTrainer::new(20).train_counts(&words, &mut |_| {}).unwrap();
    assert!(unigram.vocab().any(|(token, _)| token.chars().count() == 16));
}

#[test]
fn a_million_distinct_words_train() {
    let words: Vec<String> =
        (0u32..1_000_000).map(|i| format!("{:x}", i.wrapping_mul(2_654_435_761))).collect();
    let words: WordCounts = words.iter().map(|word| (word.as_str(), 1)).collect();
    assert_eq!(words.len(), 1_000_000);
    let all = BpeTrainer::new(600).train_counts(&words, &mut |_| {}).unwrap();
    assert_eq!(all.len(), 600);
    let limited = BpeTrainer::new(600).memory_limit(200 << 20).train_counts(&words, &mut |_| {}).unwrap();
    assert!(limited.merges().eq(all.merges()));
}

#[test]
fn a_pre_tokenizer_cuts_words_as_it_does_elsewhere() {
    let pre_tokenizer = PreTokenizer::Bert;
    let mut counts = WordCounts::new();
    counts.count_texts(pre_tokenizer, ["To be, or not to be", "to be"]).unwrap();
    assert_eq!((counts.get(b"be"), counts.get(b","), counts.get(b"To"), counts.len()), (3, 1, 1, 6));
}
