"""`wideopen serve`."""

from typing import Any

import typer

from wideopen.cli.options_of import build, takes
from wideopen.web.settings import ServeOptions


@takes(ServeOptions)
def serve(**values: Any) -> None:
    """Serve the application at an address of this machine: drop a photo, and move the lens.

    The address is printed once the page answers; open it in a browser. Ctrl-C stops it.

    A password is asked for if the environment's WIDEOPEN_PASSWORD holds one.

    Example: wideopen serve

    Example: WIDEOPEN_PASSWORD=... wideopen serve --host 0.0.0.0 --megapixels 30
    """
    import os
    import signal
    import sys
    import tempfile
    from pathlib import Path

    from wideopen.errors import OutputError

    options = build(ServeOptions, values)
    # The server gives the signal on when it has stopped; what follows must still be tidied up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="wideopen-", ignore_cleanup_errors=True) as folder:
        home = Path(folder).resolve()
        from wideopen.web.app import make_app, run
        from wideopen.web.settings import fitted, share_out
        from wideopen.web.uploads import Uploads
        from wideopen.web.worker_pool import Crew

        try:
            options = fitted(options)
            share = share_out(options)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        with Crew(options, share).at_work() as crew:
            uploads = Uploads(home, options.keep_minutes * 60, options.disk_mb << 20)
            app = make_app(crew, uploads, options, os.environ.get("WIDEOPEN_PASSWORD") or None)

            def ready(address: str) -> None:
                jobs = f"{share.screen} + {share.full} jobs at once"
                limits = f"below {options.memory_mb} MB, photos of up to {options.megapixels} megapixels"
                typer.echo(f"{address}  (open it in a browser; {jobs}, {limits}; Ctrl-C stops it)")

            try:
                run(app, options, ready)
            except KeyboardInterrupt:
                pass
            except OSError as error:
                raise OutputError(f"{options.host}:{options.port}: cannot listen there ({error.strerror})") from error
