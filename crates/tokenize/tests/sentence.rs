//! Sentences: hard cases one by one, laws on any text, and treebanks where they have been fetched.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tokenize::sentence::{Lines, SentenceSplitter, sentences};

fn split(text: &str) -> Vec<&str> {
    sentences(text).map(|range| &text[range]).collect()
}

/// Sentences are written with `|` between them.
#[track_caller]
fn check(marked: &str) {
    let text: String = marked.chars().filter(|&c| c != '|').collect();
    let expected: Vec<&str> = marked.split('|').map(str::trim).collect();
    assert_eq!(split(&text), expected);
}

#[test]
fn stops_of_abbreviations_and_numbers_do_not_end_sentences() {
    check("Mr. Smith and Dr. Brown met Gen. Lee.| They left.");
    check("It costs $3.50, i.e. 3.50 dollars, e.g. here.| See p. 12 and Fig. 3.| No. 5 is next.");
    check("He said no.| Then he left.| Is it No. 7?");
    check("She came on Jan. 5 at 9 a.m. with J. R. R. Tolkien.| He slept.");
    check("The U.S. Senate met.| He lives in the U.S.| The house is big.| He has a Ph.D.| It helps.");
    check("Smith et al. found it.| Apples, pears, etc.| Next came plums, etc. and nuts.");
    check("Acme Inc. of Boston sued Foo Corp. in 1990.| They won.");
    check("See example.com or v1.2.3 for more.| Write to a.b@c.org.");
    check("The ex-Gov. Knight spoke.| It rained.");
}

#[test]
fn quotation_marks_and_brackets_close_behind_the_stop() {
    check("\"Was it worth it?\" he asked.| \"No!\"| He left.");
    check("(He came.)| Then (as always!) he sat.| [Nobody spoke.]| “Well.”| ‘Yes.’");
    check("He (J. Smith) knows.| \"Dr. No.\"| Fine.");
}

#[test]
fn runs_of_stops_are_one_end() {
    check("What?!| No!!!| Well... maybe.| Well...| Maybe.| So . . . he went.| Hm…| Yes.");
    check("Really???| Yes.");
}

#[test]
fn small_letters_begin_sentences_behind_whole_words_only() {
    check("i went there.| it was good.| are you sure?| i am.");
    check("It grew approx. five inches at temp. below zero.");
    check("That was great. :)| I liked it ;-)| Thanks");
}

#[test]
fn chinese_sentences_need_no_space() {
    check(
        "话说天下大势，分久必合，合久必分。|周末七国分争！|是吗？！|“你好！”|他说：“来吧……”|（他来了。）|走了。",
    );
    check("什么？，他问。|一……|二");
    check("他说：「好。」|我们走。|『真的？』|是的｡|完。");
    check("我用Python 3.5写程序.|他用Rust.| This is mixed。|OK!|好?|走");
}

#[test]
fn paragraphs_and_items_end_sentences() {
    check("A title\n\n|The text goes\non here.| And here.\r\n\r\n|End");
    check("List:\n|- one\n|- two\n|* three\n|1. four\n|2) five\n|(a) six\n|3、七");
    check("1. First things first.| 2. Second.");
    let splitter = SentenceSplitter::new().lines(Lines::Paragraphs);
    let text = "One line\nanother. And\r\nmore";
    let found: Vec<_> = splitter.split(text).map(|range| &text[range]).collect();
    assert_eq!(found, ["One line", "another.", "And", "more"]);
}

#[test]
fn white_space_is_no_sentence() {
    assert!(split("").is_empty());
    assert!(split(" \n\n\t\u{3000}\r\n").is_empty());
    assert_eq!(split("  a.  "), ["a."]);
    assert_eq!(split("..."), ["..."]);
    assert_eq!(split("\n\n.\n\n"), ["."]);
}

#[test]
fn users_abbreviations_join() {
    let splitter = SentenceSplitter::new().abbreviations(["Abk.", "z.B"]);
    let text = "Die Abk. Mann und z.B. Frau. Das";
    assert_eq!(splitter.split(text).count(), 2);
    assert_eq!(SentenceSplitter::new().split(text).count(), 3);
}

proptest! {
    #[test]
    fn sentences_hold_all_that_is_not_white_space_in_order(
        text in r#"([a-zA-Z]{1,4}|Mr|U\.S|[.!?…。！？"'”“()（）,，:;=D\-*1-3]|[ \n\r\t\u{3000}]|[中文好]|\PC){0,40}"#
    ) {
        let mut end = 0;
        for range in sentences(&text) {
            prop_assert!(text[end..range.start].chars().all(char::is_whitespace));
            let sentence = &text[range.clone()];
            prop_assert!(!sentence.is_empty() && sentence.trim() == sentence);
            end = range.end;
        }
        prop_assert!(text[end..].trim().is_empty());
    }

    #[test]
    fn a_paragraph_is_split_the_same_alone_and_among_others(
        first in r"([a-zA-Z]{1,6}|Mr|[.!?。，]| |\n[a-z]){1,20}", second in r"([a-zA-Z]{1,6}|Mr|[.!?。，]| |\n[a-z]){1,20}"
    ) {
        let together = format!("{first}\n\n{second}");
        let alone: Vec<&str> = split(&first).into_iter().chain(split(&second)).collect();
        prop_assert_eq!(split(&together), alone);
    }
}

/// A folder of `cargo xtask data fetch`.
fn fetched(name: &str) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XTASK_DATA_DIR").or_else(|| {
        let home = || std::env::home_dir().map(|home| home.join(".cache"));
        Some(variable("XDG_CACHE_HOME").filter(|path| path.is_absolute()).or_else(home)?.join("xtask-data"))
    });
    let folder = cache?.join(name);
    let found = folder.is_dir();
    if !found {
        eprintln!("skipped: {name} is not there (cargo xtask data fetch {name})");
    }
    found.then_some(folder)
}

/// Precision and recall of the boundaries inside paragraphs.
fn score(paragraphs: &[Vec<String>]) -> (f64, f64) {
    let (mut right, mut made, mut wanted) = (0, 0, 0);
    for paragraph in paragraphs {
        let text = paragraph.join(" ");
        let mut ends: Vec<usize> = Vec::new();
        for sentence in paragraph {
            ends.push(ends.last().map_or(0, |end| end + 1) + sentence.len());
        }
        let gold: BTreeSet<usize> = ends.into_iter().filter(|&end| end < text.len()).collect();
        let ours: BTreeSet<usize> =
            sentences(&text).map(|range| range.end).filter(|&end| end < text.len()).collect();
        right += gold.intersection(&ours).count();
        made += ours.len();
        wanted += gold.len();
    }
    (right as f64 / made as f64, right as f64 / wanted as f64)
}

#[test]
fn the_web_treebank_is_split_at_least_as_well_as_by_pysbd() {
    let Some(folder) = fetched("ud-english-ewt") else { return };
    // pysbd 0.3.4 on the same paragraphs: precision 0.9337, recall 0.7711 (test), 0.9308, 0.7850 (dev).
    for (name, precision, recall) in [("test", 0.9337, 0.7711), ("dev", 0.9308, 0.7850)] {
        let file = fs::read_to_string(folder.join(format!("en_ewt-ud-{name}.conllu"))).unwrap();
        let mut paragraphs: Vec<Vec<String>> = Vec::new();
        for line in file.lines() {
            if line.starts_with("# newpar") || paragraphs.is_empty() {
                paragraphs.push(Vec::new());
            } else if let Some(text) = line.strip_prefix("# text = ") {
                paragraphs.last_mut().unwrap().push(text.trim().to_owned());
            }
        }
        paragraphs.retain(|paragraph| !paragraph.is_empty());
        let (ours_precision, ours_recall) = score(&paragraphs);
        assert!(ours_precision > precision && ours_recall > recall, "{name}: {ours_precision} {ours_recall}");
    }
}
