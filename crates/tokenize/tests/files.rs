//! Files that are damaged, hostile or more than this crate can follow: an error with the place, never a panic.

use std::fs;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokenize::{ByteLevelBpe, ByteLevelBpeTrainer, CharTokenizer, Error};

fn model() -> ByteLevelBpe {
    ByteLevelBpeTrainer::new(268)
        .special_tokens(["<|end|>"])
        .train(["the cat and the hat and the bat"])
        .unwrap()
}

/// The file of [`model`] after a change.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_str(&model().to_json()).unwrap();
    change(&mut value);
    value.to_string()
}

#[track_caller]
fn refused(json: &str, place: &str, what: &str) {
    match ByteLevelBpe::from_json(json) {
        Err(Error::Format { file, place: found_place, what: found }) => {
            assert_eq!(file, "tokenizer.json");
            assert_eq!(found_place, place, "{found}");
            assert!(found.contains(what), "{found:?} does not say {what:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn vocabularies_with_faults() {
    refused(
        &changed(|f| f["model"]["vocab"]["t"] = json!(3)),
        "model.vocab[\"t\"]",
        "another token has it too",
    );
    refused(
        &changed(|f| f["model"]["vocab"]["t"] = json!(4_000_000_000u32)),
        "model.vocab[\"t\"]",
        "smaller ids are missing",
    );
    refused(
        &changed(|f| f["model"]["vocab"]["中"] = json!(268)),
        "model.vocab[\"中\"]",
        "'中' is not one of the characters",
    );
    refused(&changed(|f| f["model"]["vocab"][""] = json!(268)), "model.vocab[\"\"]", "empty");
    let twice = model().to_json().replacen("\"!\": 1,", "\"!\": 1, \"!\": 268,", 1);
    refused(&twice, "model.vocab[\"!\"]", "comes twice");
    let without_byte = changed(|f| {
        let vocab = f["model"]["vocab"].as_object_mut().unwrap();
        vocab.remove("!");
        vocab.insert("!!".to_owned(), json!(1));
    });
    refused(&without_byte, "model", "no token for the byte 0x21");
}

#[test]
fn merges_with_faults() {
    let merge = |merge: Value| changed(|f| f["model"]["merges"][2] = merge);
    refused(&merge(json!("zz t")), "model.merges[2]", "\"zz\" is not in the vocabulary");
    refused(&merge(json!(["t", "中"])), "model.merges[2]", "\"中\" is not in the vocabulary");
    refused(&merge(json!("z z")), "model", "merge 2 makes \"zz\", which is no token");
    let first = serde_json::from_str::<Value>(&model().to_json()).unwrap()["model"]["merges"][0].clone();
    refused(&merge(first), "model", "merge 2 merges a pair that an earlier one merges");
    for bad in
        [json!("t"), json!("t h e"), json!(" t"), json!(["t"]), json!(["t", "h", "e"]), json!(7), json!(null)]
    {
        let error = ByteLevelBpe::from_json(&merge(bad)).unwrap_err().to_string();
        assert!(error.contains("line 1 column") && error.contains("merge"), "{error}");
    }
    refused(&changed(|f| f["model"]["merges"] = json!(null)), "model.merges", "missing");
}

#[test]
fn added_tokens_with_faults() {
    let added = |id: u32, content: &str| {
        let token = json!({ "id": id, "content": content, "special": true });
        changed(|f| f["added_tokens"].as_array_mut().unwrap().push(token))
    };
    assert_eq!(ByteLevelBpe::from_json(&added(268, "<|pad|>")).unwrap().vocab_size(), 269);
    refused(&added(269, "<|pad|>"), "added_tokens[1]", "the next free id, 268");
    refused(&added(7, "<|pad|>"), "added_tokens[1]", "has id 7");
    refused(&added(u32::MAX, "<|pad|>"), "added_tokens[1]", "the next free id, 268");
    refused(&added(268, "<|end|>"), "added_tokens[1]", "comes twice");
    refused(&added(268, ""), "added_tokens[1]", "empty");
    refused(&changed(|f| f["added_tokens"][0]["lstrip"] = json!(true)), "added_tokens[0]", "lstrip");
}

#[test]
fn components_that_are_not_understood_are_named() {
    refused(&changed(|f| f["normalizer"] = json!({ "type": "NFC" })), "normalizer", "NFC");
    refused(&changed(|f| f["pre_tokenizer"] = json!({ "type": "Metaspace" })), "pre_tokenizer", "Metaspace");
    refused(&changed(|f| f["pre_tokenizer"] = json!(null)), "pre_tokenizer", "expected ByteLevel");
    refused(
        &changed(|f| f["pre_tokenizer"]["add_prefix_space"] = json!(true)),
        "pre_tokenizer",
        "add_prefix_space",
    );
    refused(&changed(|f| f["pre_tokenizer"]["new"] = json!(1)), "pre_tokenizer", "unknown field new");
    refused(
        &changed(|f| f["pre_tokenizer"] = json!({ "type": "Sequence", "pretokenizers": [] })),
        "pre_tokenizer",
        "Split",
    );
    refused(
        &changed(|f| f["post_processor"] = json!({ "type": "BertProcessing" })),
        "post_processor",
        "BertProcessing",
    );
    refused(&changed(|f| f["decoder"] = json!({ "type": "WordPiece" })), "decoder", "WordPiece");
    refused(&changed(|f| f["decoder"] = json!("ByteLevel")), "decoder", "expected an object");
    refused(&changed(|f| f["truncation"] = json!({ "max_length": 5 })), "truncation", "not supported");
    refused(
        &changed(|f| f["model"] = json!({ "type": "Unigram", "vocab": [["a", 0.1]] })),
        "model",
        "Unigram",
    );
    refused(&changed(|f| f["model"]["byte_fallback"] = json!(true)), "model.byte_fallback", "is set");
    refused(&changed(|f| f["model"]["dropout"] = json!(0.1)), "model.dropout", "is set");
    refused(&CharTokenizer::from_texts(["a"]).to_json(), "model", "found characters");
    let unknown = changed(|f| f["surprise"] = json!(1));
    assert!(ByteLevelBpe::from_json(&unknown).unwrap_err().to_string().contains("surprise"));
}

#[test]
fn pieces_that_are_tokens_stay_whole_where_the_file_says_so() {
    // `zq` is a token that no merge makes.
    let with = |ignore: bool| {
        changed(|f| {
            f["model"]["vocab"]["zq"] = json!(268);
            f["model"]["ignore_merges"] = json!(ignore);
            f["added_tokens"][0]["content"] = json!("end");
            let vocab = f["model"]["vocab"].as_object_mut().unwrap();
            vocab.remove("<|end|>");
            vocab.insert("end".to_owned(), json!(0));
        })
    };
    let whole = ByteLevelBpe::from_json(&with(true)).unwrap();
    assert_eq!(whole.encode("zq"), [268]);
    assert_eq!(whole.encode("zqz").len(), 3);
    assert!(!whole.encode("end").contains(&0), "a special token that was not allowed");
    assert_eq!(ByteLevelBpe::from_json(&whole.to_json()).unwrap().encode("zq"), [268]);
    assert_eq!(ByteLevelBpe::from_json(&with(false)).unwrap().encode("zq").len(), 2);
}

#[test]
fn deep_and_broken_json() {
    for json in ["", "{", "[]", "null", "{\"model\":{}}", "\u{feff}{}", "{\"model\": 3}"] {
        let error = ByteLevelBpe::from_json(json).unwrap_err().to_string();
        assert!(error.starts_with("tokenizer.json: line "), "{error}");
    }
    let deep = "[".repeat(1_000_000);
    assert!(ByteLevelBpe::from_json(&deep).is_err());
    let nested = format!("{}1{}", "{\"a\":".repeat(1_000_000), "}".repeat(1_000_000));
    let deep = changed(|_| ()).replace("\"normalizer\":null", &format!("\"normalizer\":{nested}"));
    let error = ByteLevelBpe::from_json(&deep).unwrap_err().to_string();
    assert!(error.contains("recursion limit"), "{error}");
}

#[test]
fn files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("absent.json");
    for error in [
        ByteLevelBpe::from_file(&path).map(|_| ()).unwrap_err(),
        CharTokenizer::from_file(&path).map(|_| ()).unwrap_err(),
        tokenize::load(&path).map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("absent.json"), "{error}");
    }
    fs::write(&path, "{").unwrap();
    assert!(
        tokenize::load(&path)
            .map(|_| ())
            .unwrap_err()
            .to_string()
            .contains("absent.json: line 1 column 1: EOF")
    );
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(tokenize::load(&path).map(|_| ()).unwrap_err().to_string().contains("absent.json: byte 0: "));
    assert!(matches!(model().save(dir.path().join("no/such/folder")), Err(Error::Io { .. })));
}

#[test]
fn saving_replaces_the_file_and_leaves_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.json");
    CharTokenizer::from_texts(["old"]).save(&path).unwrap();
    model().save(&path).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    let loaded = tokenize::load(&path).unwrap();
    assert_eq!(loaded.encode("the cat").unwrap(), model().encode("the cat"));
    assert_eq!(ByteLevelBpe::from_file(&path).unwrap().to_json(), model().to_json());
}

#[test]
fn vocab_and_merges_with_faults() {
    let dir = tempfile::tempdir().unwrap();
    let (vocab, merges) = (dir.path().join("vocab.json"), dir.path().join("merges.txt"));
    model().save_vocab_and_merges(&vocab, &merges).unwrap();
    let read = |specials: &[&str]| ByteLevelBpe::from_vocab_and_merges(&vocab, &merges, specials);
    assert_eq!(read(&["<|end|>"]).unwrap().encode("the cat"), model().encode("the cat"));
    assert!(read(&["<|pad|>"]).unwrap_err().to_string().contains("\"<|pad|>\" is not in it"));

    let good = fs::read_to_string(&merges).unwrap();
    for (bad, what) in
        [("th", "line 3: expected two tokens"), ("zz t", "line 3: \"zz\" is not in the vocabulary")]
    {
        let lines: Vec<&str> =
            good.lines().enumerate().map(|(at, line)| if at == 2 { bad } else { line }).collect();
        fs::write(&merges, lines.join("\n")).unwrap();
        let error = read(&[]).unwrap_err().to_string();
        assert!(error.contains("merges.txt") && error.contains(what), "{error}");
    }
    fs::write(&vocab, "{\"a\": 0, \"a\": 1}").unwrap();
    assert!(
        read(&[])
            .unwrap_err()
            .to_string()
            .contains("vocab.json: vocabulary[\"a\"]: the token is empty or comes twice")
    );
}

#[test]
fn character_files() {
    let tokenizer = CharTokenizer::from_texts(["héllo 中\n\"\\"]);
    assert_eq!(CharTokenizer::from_json(&tokenizer.to_json()).unwrap(), tokenizer);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value = serde_json::from_str(&tokenizer.to_json()).unwrap();
        change(&mut value);
        CharTokenizer::from_json(&value.to_string()).unwrap_err().to_string()
    };
    assert!(
        changed(&|f| f["model"]["vocab"]["ab"] = json!(9)).contains("vocab[\"ab\"]: expected one character")
    );
    assert!(changed(&|f| f["model"]["vocab"]["x"] = json!(99)).contains("vocab[\"x\"]: id 99"));
    assert!(changed(&|f| f["model"]["vocab"]["h"] = json!(0)).contains("id 0"));
    assert!(changed(&|f| f["decoder"] = json!(null)).contains("decoder: expected Fuse"));
    assert!(changed(&|f| f["pre_tokenizer"]["behavior"] = json!("Removed")).contains("Removed"));
    assert!(
        CharTokenizer::from_json(&model().to_json())
            .unwrap_err()
            .to_string()
            .contains("found a byte-level BPE")
    );
}

proptest! {
    #[test]
    fn cut_and_flipped_files_never_panic(at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>()) {
        let json = model().to_json();
        let mut bytes = json.clone().into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit };
        let text = String::from_utf8_lossy(&bytes);
        match ByteLevelBpe::from_json(&text) {
            Ok(model) => prop_assert_eq!(model.decode(&model.encode("the cat")).unwrap(), "the cat"),
            Err(error) => prop_assert!(error.to_string().starts_with("tokenizer.json: ")),
        }
    }
}
