# docker build -t beautylens . && docker run --rm beautylens demo /tmp/demo
FROM python:3.12-slim

# A named volume at /collections belongs to whom the folder belongs to.
RUN useradd --create-home beautylens && install -d -o beautylens /collections
WORKDIR /app
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY src src
RUN pip install --no-cache-dir -c constraints.txt .

USER beautylens
WORKDIR /home/beautylens
EXPOSE 8000
ENTRYPOINT ["beautylens"]
CMD ["--help"]
