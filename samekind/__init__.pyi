from data.corpus import Corpus as Corpus
from data.errors import ArtefactError as ArtefactError
from data.errors import CorpusError as CorpusError
from data.errors import DownloadError as DownloadError
from data.errors import ImageError as ImageError
from data.errors import InputError as InputError
from data.errors import MissingDependencyError as MissingDependencyError
from data.errors import SamekindError as SamekindError
from data.sources import load_corpus as load_corpus
from data.views import TwoViewTransform as TwoViewTransform
from indexer.detectors import DetectorReport as DetectorReport
from indexer.detectors import evaluate_detectors as evaluate_detectors
from indexer.duplicates import Duplicate as Duplicate
from indexer.duplicates import Duplicates as Duplicates
from indexer.evaluate import Evaluation as Evaluation
from indexer.index import Index as Index
from indexer.index import build_index as build_index
from indexer.label_suspects import LabelSuspect as LabelSuspect
from indexer.label_suspects import LabelSuspects as LabelSuspects
from indexer.probes import read_probes as read_probes
from indexer.report import FalseNegativeReport as FalseNegativeReport
from indexer.search import Hit as Hit
from indexer.search import SearchResult as SearchResult
from indexer.verdicts import Verdict as Verdict
from indexer.verdicts import VerdictTable as VerdictTable
from indexer.verdicts import export_verdicts as export_verdicts
from indexer.verdicts import import_verdicts as import_verdicts
from samekind.api import evaluate as evaluate
from samekind.api import load_encoder as load_encoder
from samekind.api import train as train
from samekind.comparison.runner import compare as compare
from training.config import TrainConfig as TrainConfig
from training.encoder import Encoder as Encoder
from training.loop import Run as Run
from training.presets import preset as preset

__version__: str
__all__: list[str]
