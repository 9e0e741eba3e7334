# `samekind serve` in a container: docs/service.md. For a GPU: docker build --build-arg FAISS=gpu .
ARG PYTHON=3.11
FROM python:${PYTHON}-slim

# cpu or gpu: which FAISS. An index of torch's builds beside the package index, which has the build with CUDA, several gigabytes large.
ARG FAISS=cpu
ARG TORCH_INDEX=

WORKDIR /opt/samekind
COPY . .
RUN python -m pip install --no-cache-dir --constraint constraints.txt ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} ".[${FAISS},lite,serve]" \
    && useradd --create-home --uid 10001 samekind \
    && mkdir /artefact && chown samekind /artefact

USER samekind
WORKDIR /home/samekind
ENV HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
VOLUME /artefact
EXPOSE 8600

# Others reach a container, so SAMEKIND_TOKEN must be set: docker run -e SAMEKIND_TOKEN=… -v …:/artefact
ENTRYPOINT ["samekind", "serve", "/artefact", "--host", "0.0.0.0", "--port", "8600"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8600/ready', timeout=4)"]
