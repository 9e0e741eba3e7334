from samekind.api import evaluate as evaluate
from samekind.api import export_neighbours as export_neighbours
from samekind.api import export_vectors as export_vectors
from samekind.api import index_vectors as index_vectors
from samekind.api import load_encoder as load_encoder
from samekind.api import train as train
from samekind.comparison.runner import compare as compare
from samekind.core.errors import ArtefactError as ArtefactError
from samekind.core.errors import CorpusError as CorpusError
from samekind.core.errors import DownloadError as DownloadError
from samekind.core.errors import ImageError as ImageError
from samekind.core.errors import InputError as InputError
from samekind.core.errors import MissingDependencyError as MissingDependencyError
from samekind.core.errors import SamekindError as SamekindError
from samekind.core.errors import ServiceError as ServiceError
from samekind.data.corpus import Corpus as Corpus
from samekind.data.decode import decode_image as decode_image
from samekind.data.inspection import Inspection as Inspection
from samekind.data.inspection import inspect as inspect
from samekind.data.sources.registry import load_corpus as load_corpus
from samekind.data.types.reading import Reading as Reading
from samekind.data.views.two_view import TwoViewTransform as TwoViewTransform
from samekind.indexer.adaptation.adapt import AdaptReport as AdaptReport
from samekind.indexer.adaptation.adapt import adapt as adapt
from samekind.indexer.adaptation.adapt import undo_adaptation as undo_adaptation
from samekind.indexer.adaptation.worth import Worth as Worth
from samekind.indexer.adaptation.worth import worth_of_more as worth_of_more
from samekind.indexer.audit.gradient_mass import GradientMass as GradientMass
from samekind.indexer.audit.report import FalseNegativeReport as FalseNegativeReport
from samekind.indexer.building.relocate import Relocation as Relocation
from samekind.indexer.building.relocate import relocate as relocate
from samekind.indexer.building.tuning.tune import TuneReport as TuneReport
from samekind.indexer.building.tuning.tune import tune as tune
from samekind.indexer.curation.label_issues import LabelIssue as LabelIssue
from samekind.indexer.curation.label_issues import LabelIssues as LabelIssues
from samekind.indexer.curation.near_duplicates import Duplicate as Duplicate
from samekind.indexer.curation.near_duplicates import Duplicates as Duplicates
from samekind.indexer.curation.near_duplicates import near_copies as near_copies
from samekind.indexer.curation.selection import ExportedImages as ExportedImages
from samekind.indexer.curation.selection import export_images as export_images
from samekind.indexer.evaluation.beside_pixels import BesidePixels as BesidePixels
from samekind.indexer.evaluation.beside_pixels import beside_pixels as beside_pixels
from samekind.indexer.evaluation.detector_report import DetectorReport as DetectorReport
from samekind.indexer.evaluation.detectors import evaluate_detectors as evaluate_detectors
from samekind.indexer.evaluation.figures import Evaluation as Evaluation
from samekind.indexer.evaluation.needs import missing_for_detectors as missing_for_detectors
from samekind.indexer.index import Index as Index
from samekind.indexer.index import build_index as build_index
from samekind.indexer.labeling.acquisition import CandidatePool as CandidatePool
from samekind.indexer.labeling.acquisition import acquire_pairs as acquire_pairs
from samekind.indexer.labeling.base_rate import BaseRate as BaseRate
from samekind.indexer.labeling.base_rate import base_rate as base_rate
from samekind.indexer.labeling.candidate_pairs import CandidatePair as CandidatePair
from samekind.indexer.labeling.candidate_pairs import CandidatePairs as CandidatePairs
from samekind.indexer.labeling.constraint_closure import ConstraintClosure as ConstraintClosure
from samekind.indexer.labeling.constraint_closure import must_link_path as must_link_path
from samekind.indexer.labeling.estimates.hard_negatives import DrawnPair as DrawnPair
from samekind.indexer.labeling.estimates.hard_negatives import HardNegativeRate as HardNegativeRate
from samekind.indexer.labeling.estimates.hard_negatives import HardNegativeSample as HardNegativeSample
from samekind.indexer.labeling.link_constraints import link_constraints as link_constraints
from samekind.indexer.labeling.pair_model import ENOUGH_ANSWERS as ENOUGH_ANSWERS
from samekind.indexer.labeling.people.agreement import Agreement as Agreement
from samekind.indexer.labeling.people.agreement import agreement as agreement
from samekind.indexer.labeling.people.current_answers import current_answers as current_answers
from samekind.indexer.labeling.people.current_answers import read_naming as read_naming
from samekind.indexer.labeling.people.given_labels import GivenLabel as GivenLabel
from samekind.indexer.labeling.people.given_labels import LabelTable as LabelTable
from samekind.indexer.labeling.people.label_csv import export_labels as export_labels
from samekind.indexer.labeling.people.label_csv import import_labels as import_labels
from samekind.indexer.labeling.people.naming import Naming as Naming
from samekind.indexer.labeling.people.naming import NamingConflict as NamingConflict
from samekind.indexer.labeling.people.tag_csv import export_tags as export_tags
from samekind.indexer.labeling.people.tag_csv import import_tags as import_tags
from samekind.indexer.labeling.people.tags import Tag as Tag
from samekind.indexer.labeling.people.tags import TagTable as TagTable
from samekind.indexer.labeling.screen_pool import ScreenPool as ScreenPool
from samekind.indexer.labeling.screen_pool import acquire_screens as acquire_screens
from samekind.indexer.labeling.screens import Screen as Screen
from samekind.indexer.labeling.screens import ScreenImage as ScreenImage
from samekind.indexer.labeling.verdict_csv import export_verdicts as export_verdicts
from samekind.indexer.labeling.verdict_csv import import_verdicts as import_verdicts
from samekind.indexer.labeling.verdicts import Verdict as Verdict
from samekind.indexer.labeling.verdicts import VerdictTable as VerdictTable
from samekind.indexer.map.make import make_map as make_map
from samekind.indexer.map.reading import read_map as read_map
from samekind.indexer.map.sketch import sketch_map as sketch_map
from samekind.indexer.map.stored import ImageMap as ImageMap
from samekind.indexer.published.published_index import PublishedIndex as PublishedIndex
from samekind.indexer.published.publishing import Published as Published
from samekind.indexer.published.publishing import publish as publish
from samekind.indexer.report.run_card import RunCard as RunCard
from samekind.indexer.report.run_card import run_card as run_card
from samekind.indexer.report.runs import find_runs as find_runs
from samekind.indexer.report.runs import first_run as first_run
from samekind.indexer.search.crop import Crop as Crop
from samekind.indexer.search.hits import Hit as Hit
from samekind.indexer.search.mixed import Mix as Mix
from samekind.indexer.search.mixed import Text as Text
from samekind.indexer.search.results import SearchResult as SearchResult
from samekind.indexer.storage.probes import read_probes as read_probes
from samekind.indexer.verification import Verification as Verification
from samekind.indexer.verification import verify as verify
from samekind.service.asking.client import Client as Client
from samekind.training.answers.guard import FEWEST_GROUPS as FEWEST_GROUPS
from samekind.training.answers.guard import SMALLEST_GROUP as SMALLEST_GROUP
from samekind.training.config.presets import preset as preset
from samekind.training.config.train_config import TrainConfig as TrainConfig
from samekind.training.models.encoder import Encoder as Encoder
from samekind.training.run.train import Run as Run

__version__: str
__all__: list[str]

# Names of release 0.1.
Answered = ConstraintClosure
LabelSuspect = LabelIssue
LabelSuspects = LabelIssues
Question = CandidatePair
QuestionPool = CandidatePool
Questions = CandidatePairs
grouped = link_constraints
joined_by = must_link_path
questions = acquire_pairs
