"""The report of a backtest: one HTML file that opens anywhere, for whoever has to answer alarms."""

from tocsin.tools.backtest.report.report import ReportPolicy, write_report

__all__ = ["ReportPolicy", "write_report"]
