from faulty.good import Plain


class TwoAtOnce(Plain):
    def resurrect(self) -> None:
        for _ in range(2):
            self.production.job_id = self._submit_dag_file()


class RaisesItsLimit(Plain):
    def resurrect(self) -> None:
        self.production.job_id = self._submit_dag_file()
        self.production.meta["max resurrections"] = 1000
