//! Questions of the kind *Athens is to Greece as Oslo is to …*

use std::fmt;

use serde::Serialize;

use super::Rules;
use crate::{Error, Result, Vectors};

/// Questions in sections: Google's `questions-words.txt`, or others written like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analogies {
    sections: Vec<Section>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    name: String,
    questions: Vec<[String; 4]>,
}

/// How many questions of a section were answered rightly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SectionScore {
    /// The section.
    pub name: String,
    /// Right answers.
    pub correct: usize,
    /// Questions asked.
    pub asked: usize,
    /// Questions with an unknown word.
    pub unknown: usize,
}

/// How many questions were answered rightly, by section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnalogyScore {
    /// The sections, in order.
    pub sections: Vec<SectionScore>,
}

impl Analogies {
    /// Reads questions: a line of four words each, under section lines `: name`. Other lines are left out, as gensim
    /// does.
    ///
    /// # Errors
    /// If a question comes before the first section, or there is none.
    pub fn parse(text: &str) -> Result<Self> {
        let mut sections: Vec<Section> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if let Some(name) = line.strip_prefix(": ") {
                sections.push(Section { name: name.trim().to_owned(), questions: Vec::new() });
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let Ok(question) = <[&str; 4]>::try_from(words) else { continue };
            let Some(section) = sections.last_mut() else {
                let (what, at) =
                    ("a question before the first section line `: name`", format!("line {}", number + 1));
                return Err(Error::Format { path: "analogies".into(), at, what: what.to_owned() });
            };
            section.questions.push(question.map(str::to_owned));
        }
        if sections.iter().all(|section| section.questions.is_empty()) {
            let (at, what) = ("the text".to_owned(), "no questions of four words".to_owned());
            return Err(Error::Format { path: "analogies".into(), at, what });
        }
        Ok(Self { sections })
    }

    /// Number of questions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sections.iter().map(|section| section.questions.len()).sum()
    }

    /// Whether there are none; [`parse`](Self::parse) makes no such list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks all questions by 3CosAdd, on all threads of the current rayon pool.
    #[must_use]
    pub fn evaluate(&self, vectors: &Vectors, rules: &Rules) -> AnalogyScore {
        let known = rules.known(vectors);
        let section = |section: &Section| {
            let mut score = SectionScore { name: section.name.clone(), ..SectionScore::default() };
            let mut questions = Vec::new();
            for question in &section.questions {
                let words = question.each_ref().map(|word| rules.fold(word));
                let rows = words.each_ref().map(|word| known.get(word).copied());
                match rows {
                    [Some(a), Some(b), Some(c), Some(_)] => questions.push((words, [a, b, c])),
                    _ => score.unknown += 1,
                }
            }
            score.asked = questions.len() + if rules.count_unknown { score.unknown } else { 0 };
            let queries: Vec<f32> =
                questions.iter().flat_map(|(_, [a, b, c])| vectors.offset(&[*b, *c], &[*a])).collect();
            let answers = vectors.nearest_to_each(&queries, 5, rules.most_words, |i| questions[i].1);
            let is_right = |((words, _), answers): &(&([String; 4], _), Vec<crate::Neighbour<'_>>)| {
                let mut answers = answers.iter().map(|answer| rules.fold(answer.word)).peekable();
                // The first that is none of the words asked with, in whatever case; the last if all are.
                let [a, b, c, expected] = words;
                while let Some(answer) = answers.next() {
                    if ![a, b, c].contains(&&answer) || answers.peek().is_none() {
                        return answer == *expected;
                    }
                }
                false
            };
            score.correct = questions.iter().zip(answers).filter(is_right).count();
            score
        };
        AnalogyScore { sections: self.sections.iter().map(section).collect() }
    }
}

impl SectionScore {
    /// Share of questions answered rightly; none if none were asked.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        (self.asked > 0).then(|| self.correct as f64 / self.asked as f64)
    }

    fn add(mut self, other: &Self) -> Self {
        self.correct += other.correct;
        self.asked += other.asked;
        self.unknown += other.unknown;
        self
    }
}

impl AnalogyScore {
    /// Share of the questions whose words are all known.
    #[must_use]
    pub fn coverage(&self, analogies: &Analogies) -> f64 {
        1.0 - self.total().unknown as f64 / analogies.len() as f64
    }

    /// All sections together.
    #[must_use]
    pub fn total(&self) -> SectionScore {
        let none = SectionScore { name: "total".to_owned(), ..SectionScore::default() };
        self.sections.iter().fold(none, SectionScore::add)
    }
}

impl fmt::Display for AnalogyScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            self.sections.iter().map(|section| section.name.chars().count()).max().unwrap_or(0).max(8);
        writeln!(
            f,
            "{:<width$} {:>8} {:>8} {:>8} {:>8}",
            "section", "right", "asked", "unknown", "accuracy"
        )?;
        for section in self.sections.iter().chain([&self.total()]) {
            let SectionScore { name, correct, asked, unknown } = section;
            let accuracy =
                section.accuracy().map_or("-".to_owned(), |share| format!("{:.1} %", share * 100.0));
            writeln!(f, "{name:<width$} {correct:>8} {asked:>8} {unknown:>8} {accuracy:>8}")?;
        }
        Ok(())
    }
}
